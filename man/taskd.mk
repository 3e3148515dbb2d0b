dist_man_MANS += man/taskd.1
