libdaemon_la_SOURCES += src/taskd/config.c src/taskd/config.h
