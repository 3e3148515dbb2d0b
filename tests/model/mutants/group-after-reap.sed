#file turnover.c
#breaks S2
# The group is killed after its leader was reaped: its number may be somebody else's.
/^    sys->kill_group(pid, SIGKILL);$/d
s/^    l->pid = 0; .*$/    sys->kill_group(pid, SIGKILL);\n&/
