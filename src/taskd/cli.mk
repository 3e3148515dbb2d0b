libdaemon_la_SOURCES += \
	src/taskd/client.c src/taskd/client.h \
	src/taskd/client_stream.c src/taskd/client_stream.h \
	src/taskd/cmd_abort.c \
	src/taskd/cmd_complete.c \
	src/taskd/cmd_drain.c \
	src/taskd/cmd_events.c \
	src/taskd/cmd_reload.c \
	src/taskd/cmd_restart.c \
	src/taskd/cmd_logs.c \
	src/taskd/cmd_results.c \
	src/taskd/cmd_resume.c \
	src/taskd/cmd_scale.c \
	src/taskd/cmd_spawn.c \
	src/taskd/cmd_start.c \
	src/taskd/cmd_status.c \
	src/taskd/cmd_stop.c \
	src/taskd/cmd_version.c \
	src/taskd/cmd_wait.c \
	src/taskd/command.h \
	src/taskd/completion.c src/taskd/completion.h \
	src/taskd/control.c src/taskd/control.h \
	src/taskd/control_body.c src/taskd/control_body.h \
	src/taskd/control_calls.c src/taskd/control_calls.h \
	src/taskd/control_events.c \
	src/taskd/control_logs.c \
	src/taskd/control_query.c src/taskd/control_query.h \
	src/taskd/control_lifecycle.c \
	src/taskd/control_spawn.c \
	src/taskd/control_wait.c \
	src/taskd/event_text.c src/taskd/event_text.h \
	src/taskd/http.c src/taskd/http.h \
	src/taskd/http_impl.h \
	src/taskd/http_parse.c src/taskd/http_parse.h \
	src/taskd/http_stream.c \
	src/taskd/list.h \
	src/taskd/lifecycle.c src/taskd/lifecycle.h \
	src/taskd/listener.c src/taskd/listener.h \
	src/taskd/log.c src/taskd/log.h \
	src/taskd/options.c \
	src/taskd/paths.c src/taskd/paths.h \
	src/taskd/record_report.c src/taskd/record_report.h \
	src/taskd/record_status.c src/taskd/record_status.h \
	src/taskd/sockets.c src/taskd/sockets.h \
	src/taskd/status_text.c src/taskd/status_text.h \
	src/taskd/stop_report.c src/taskd/stop_report.h \
	src/taskd/table.c src/taskd/table.h \
	src/taskd/task_watch.c src/taskd/task_watch.h \
	src/taskd/term.c src/taskd/term.h \
	src/taskd/verb.c src/taskd/verb.h \
	src/taskd/worker_options.c src/taskd/worker_options.h
