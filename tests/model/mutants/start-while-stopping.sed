#file task.c
#breaks S1
# A start that does not wait for the life that is being stopped.
s/^        t->replaced = true;$/        turnover_spawn(t);/
