libdaemon_la_SOURCES += \
	src/taskd/client.c src/taskd/client.h \
	src/taskd/cmd_abort.c \
	src/taskd/cmd_results.c \
	src/taskd/cmd_status.c \
	src/taskd/cmd_stop.c \
	src/taskd/cmd_version.c \
	src/taskd/cmd_wait.c \
	src/taskd/command.h \
	src/taskd/control.c src/taskd/control.h \
	src/taskd/control_body.c src/taskd/control_body.h \
	src/taskd/control_calls.c src/taskd/control_calls.h \
	src/taskd/control_lifecycle.c \
	src/taskd/control_spawn.c \
	src/taskd/control_wait.c \
	src/taskd/http.c src/taskd/http.h \
	src/taskd/http_parse.c src/taskd/http_parse.h \
	src/taskd/list.h \
	src/taskd/listener.c src/taskd/listener.h \
	src/taskd/log.c src/taskd/log.h \
	src/taskd/options.c \
	src/taskd/paths.c src/taskd/paths.h \
	src/taskd/record_status.c src/taskd/record_status.h \
	src/taskd/sockets.c src/taskd/sockets.h \
	src/taskd/status_text.c src/taskd/status_text.h \
	src/taskd/stop_report.c src/taskd/stop_report.h \
	src/taskd/stop_watch.c src/taskd/stop_watch.h \
	src/taskd/table.c src/taskd/table.h \
	src/taskd/term.c src/taskd/term.h
