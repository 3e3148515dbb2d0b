libdaemon_la_SOURCES += \
	src/taskd/activation.c src/taskd/activation.h \
	src/taskd/agenda.c src/taskd/agenda.h \
	src/taskd/ask.c \
	src/taskd/cgroup.c src/taskd/cgroup.h src/taskd/cgroup_impl.h src/taskd/cgroup_root.c \
	src/taskd/channel.c src/taskd/channel.h \
	src/taskd/cmd_run.c \
	src/taskd/crew.c \
	src/taskd/cron.c src/taskd/cron.h src/taskd/cron_parse.c \
	src/taskd/daemon.c src/taskd/daemon.h \
	src/taskd/daemon_reload.c src/taskd/daemon_reload.h \
	src/taskd/definition.c src/taskd/definition.h \
	src/taskd/endpoint.c src/taskd/endpoint.h \
	src/taskd/endpoints.c src/taskd/endpoints.h \
	src/taskd/errout.c src/taskd/errout.h \
	src/taskd/events.c src/taskd/events.h \
	src/taskd/fsm.c src/taskd/fsm.h \
	src/taskd/gzip.c src/taskd/gzip.h \
	src/taskd/identity.c src/taskd/identity.h \
	src/taskd/journal.c src/taskd/journal.h \
	src/taskd/journald.c src/taskd/journald.h \
	src/taskd/ladder.c \
	src/taskd/launch.c src/taskd/launch.h \
	src/taskd/ledger.c src/taskd/ledger.h \
	src/taskd/life.c src/taskd/life.h \
	src/taskd/logfile.c src/taskd/logfile.h src/taskd/logfile_impl.h src/taskd/logfile_rotate.c \
	src/taskd/logline.c src/taskd/logline.h \
	src/taskd/logring.c src/taskd/logring.h \
	src/taskd/logs.c src/taskd/logs.h \
	src/taskd/message.c src/taskd/message.h \
	src/taskd/news.c \
	src/taskd/notice.c src/taskd/notice.h \
	src/taskd/notify.c src/taskd/notify.h \
	src/taskd/notify_socket.c src/taskd/notify_socket.h \
	src/taskd/order.c \
	src/taskd/outcome.c src/taskd/outcome.h \
	src/taskd/output.c src/taskd/output.h \
	src/taskd/places.c src/taskd/places.h \
	src/taskd/poison.c src/taskd/poison.h \
	src/taskd/procfs.c src/taskd/procfs.h \
	src/taskd/readiness.c src/taskd/readiness.h \
	src/taskd/reap.c \
	src/taskd/reload.c \
	src/taskd/requests.c \
	src/taskd/restart.c src/taskd/restart.h \
	src/taskd/rollout.c \
	src/taskd/signals.c src/taskd/signals.h \
	src/taskd/spawn.c src/taskd/spawn.h \
	src/taskd/spawned.c \
	src/taskd/status.c \
	src/taskd/strategy.c \
	src/taskd/supervisor.c src/taskd/supervisor.h src/taskd/supervisor_impl.h \
	src/taskd/sys.c src/taskd/sys.h \
	src/taskd/talk.c \
	src/taskd/talk_notify.c \
	src/taskd/task.c src/taskd/task.h src/taskd/task_impl.h \
	src/taskd/task_ask.c \
	src/taskd/task_log.c \
	src/taskd/timetable.c \
	src/taskd/tree.c src/taskd/tree.h \
	src/taskd/turnover.c \
	src/taskd/units.c src/taskd/units.h \
	src/taskd/view.c src/taskd/view.h \
	src/taskd/waiters.c \
	src/taskd/watch.c
libdaemon_la_LIBADD += -lm $(ZLIB_LIBS)
