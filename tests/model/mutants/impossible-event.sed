#file fsm.c
#breaks P1
# A dead process's end comes in a state that has none.
s/^#define GIVES_UP .*/#define GIVES_UP [ON_STOP] = GO(TASK_STOPPED, 0), [ON_PRE_STOP] = GO(TASK_STOPPED, 0)/
