libdaemon_la_SOURCES += src/taskd/client.c src/taskd/client.h
