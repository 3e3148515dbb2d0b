#file restart.c
#breaks S4
# The policy is asked although the task is wanted down.
s/^    if (!q->wanted_up)$/    if (!q->wanted_up \&\& q->outcome == OUTCOME_OK)/
