dist_man_MANS += man/libtaskd.3
