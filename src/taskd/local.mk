# Everything but main.c is a library, so that the unit tests link what the program runs.
noinst_LTLIBRARIES += libdaemon.la
libdaemon_la_SOURCES =
libdaemon_la_LIBADD = libcommon.la $(LIBEVENT_LIBS) $(JANSSON_LIBS)

include src/taskd/config.mk
include src/taskd/core.mk
include src/taskd/cli.mk

bin_PROGRAMS += taskd
taskd_SOURCES = src/taskd/main.c
taskd_LDADD = libdaemon.la
taskd_LDFLAGS = $(AM_LDFLAGS) $(TASKD_LINK)
