#file turnover.c
#breaks S5
# The end of a life is written down twice.
s/^    keep_record(t);$/    keep_record(t);\n    keep_record(t);/
