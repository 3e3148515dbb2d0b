#file reap.c
#breaks L1
# One reap for each SIGCHLD, however many have exited: a stop that has succeeded is never known to have.
s/^    while (reap_one(s, &leader))$/    for (int once = 1; once \&\& reap_one(s, \&leader); once = 0)/
