dist_man_MANS += man/taskd-protocol.7
