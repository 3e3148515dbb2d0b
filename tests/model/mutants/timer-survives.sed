#file task.c
#breaks P2
# A timer that survives the reap.
s/^    task_arm_state_timer(t);$/    if (fsm_alive(t->state)) task_arm_state_timer(t);/
