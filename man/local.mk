include man/taskd.mk
include man/taskd.json.mk
include man/taskd-protocol.mk
include man/libtaskd.mk
