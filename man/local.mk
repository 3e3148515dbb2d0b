include man/taskd.mk
include man/taskd.json.mk
