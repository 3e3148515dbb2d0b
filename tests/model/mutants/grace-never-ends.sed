#file fsm.c
#breaks L1
# The end of the grace period changes nothing.
s/\[ON_TIMEOUT\] = GO(TASK_KILLING, ACT_KILL_GRACE)/[ON_TIMEOUT] = STAY/
s/\[ON_GRACE_TERM\] = GO(TASK_TERMINATING, ACT_SEND_TERM)/[ON_GRACE_TERM] = STAY/
