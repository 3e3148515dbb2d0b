#file watch.c
#breaks L1
# A unit that is overdue is looked at again and again while its process is being ended for it.
s/ && t->state != TASK_TERMINATING && t->state != TASK_DUMPING && t->state != TASK_KILLING//
