#file talk.c
#breaks S3
# The acknowledgement is reported when the stop goes out, not when the worker says so.
s/^    jsonout_string(&o, "mode", "finish_unit");$/    t->life.acked = true;\n&/
