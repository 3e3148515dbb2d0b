libdaemon_la_SOURCES += src/taskd/outcome.c src/taskd/outcome.h
