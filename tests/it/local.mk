check_PROGRAMS += tests/it/worker
tests_it_worker_SOURCES = tests/it/worker.c $(no_leak_search)
tests_it_worker_LDADD = libtaskd.la
# Lives are counted by the thousand: a wrapper script of libtool's would be most of what is measured.
tests_it_worker_LDFLAGS = $(AM_LDFLAGS) -static

it_tests = \
	tests/it/test_cgroup.py \
	tests/it/test_channels.py \
	tests/it/test_completion.py \
	tests/it/test_container.py \
	tests/it/test_control.py \
	tests/it/test_crossing.py \
	tests/it/test_events.py \
	tests/it/test_include.py \
	tests/it/test_lifecycle_cli.py \
	tests/it/test_logs.py \
	tests/it/test_many.py \
	tests/it/test_notify.py \
	tests/it/test_order.py \
	tests/it/test_random.py \
	tests/it/test_reload.py \
	tests/it/test_restart.py \
	tests/it/test_rolling.py \
	tests/it/test_run.py \
	tests/it/test_sockets.py \
	tests/it/test_sockets_handed.py \
	tests/it/test_spawn.py \
	tests/it/test_stop.py \
	tests/it/test_times.py \
	tests/it/test_words.py
dist_check_SCRIPTS += $(it_tests)
EXTRA_DIST += tests/it/container.py tests/it/harness.py tests/it/programs.py tests/it/serving.py
if HAVE_PYTHON3
TESTS += $(it_tests)
endif
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = $(PYTHON3)
