/* Whether /proc can be believed: it may be missing (a bare chroot), or belong to another pid namespace, where the
 * numbers of our processes are those of strangers. Linux only. */
#pragma once

/* NULL when /proc shows this process under its own number; else why it is not used. Looked at once. */
const char *procfs_fault(void);
