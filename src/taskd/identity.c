#include "taskd/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A name, or the number of somebody who needs no name. */
static bool number(const char *s, unsigned *ret)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(s, &end, 10);
    if (*s < '0' || *s > '9' || *end || errno || n >= (uid_t)-1)
        return false;
    *ret = (unsigned)n;
    return true;
}

static int resolve_user(const char *user, struct identity *id)
{
    unsigned n;
    const struct passwd *pw = number(user, &n) ? getpwuid(n) : getpwnam(user);
    if (!pw && !number(user, &n))
        return -ENOENT;
    id->uid = pw ? pw->pw_uid : n;
    id->gid = pw ? pw->pw_gid : n;
    if (!pw)
        return 0;
    id->name = strdup(pw->pw_name);
    id->home = strdup(pw->pw_dir);
    return id->name && id->home ? 0 : -ENOMEM;
}

static int resolve_group(const char *group, struct identity *id)
{
    unsigned n;
    const struct group *gr = number(group, &n) ? NULL : getgrnam(group);
    if (!gr && !number(group, &n))
        return -ENOENT;
    id->gid = gr ? gr->gr_gid : n;
    return 0;
}

static int resolve_groups(struct identity *id)
{
    int count = 64;
    for (;;) {
        gid_t *groups = realloc(id->groups, (size_t)count * sizeof *groups);
        if (!groups)
            return -ENOMEM;
        id->groups = groups;
        int room = count;
        if (!id->name) {
            groups[0] = id->gid;
            id->groups_count = 1;
            return 0;
        }
        if (getgrouplist(id->name, id->gid, groups, &count) >= 0) {
            id->groups_count = (size_t)count;
            return 0;
        }
        if (count <= room)
            count = room * 2;
    }
}

int identity_resolve(const struct worker_config *c, struct identity *ret)
{
    struct identity id = {.change = c->user || c->group, .uid = geteuid(), .gid = getegid()};
    int r = 0;
    if (c->user)
        r = resolve_user(c->user, &id);
    if (r == 0 && c->group)
        r = resolve_group(c->group, &id);
    if (r == 0 && id.change)
        r = resolve_groups(&id);
    if (r < 0) {
        identity_clear(&id);
        return r;
    }
    *ret = id;
    return 0;
}

void identity_clear(struct identity *id)
{
    free(id->groups);
    free(id->name);
    free(id->home);
    *id = (struct identity){0};
}
