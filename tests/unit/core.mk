core_tests = tests/unit/test_agenda tests/unit/test_cgroup tests/unit/test_cron tests/unit/test_cron_next tests/unit/test_events tests/unit/test_fsm \
	tests/unit/test_journal tests/unit/test_message tests/unit/test_notice tests/unit/test_outcome tests/unit/test_restart tests/unit/test_spawn tests/unit/test_units
check_PROGRAMS += $(core_tests)
TESTS += $(core_tests)

tests_unit_test_agenda_SOURCES = tests/unit/test_agenda.c tests/unit/suite.h
tests_unit_test_agenda_CFLAGS = $(unit_cflags)
tests_unit_test_agenda_LDADD = $(unit_libs)

tests_unit_test_cgroup_SOURCES = tests/unit/test_cgroup.c tests/unit/suite.h
tests_unit_test_cgroup_CFLAGS = $(unit_cflags)
tests_unit_test_cgroup_LDADD = $(unit_libs)

tests_unit_test_cron_SOURCES = tests/unit/test_cron.c tests/unit/suite.h
tests_unit_test_cron_CFLAGS = $(unit_cflags)
tests_unit_test_cron_LDADD = $(unit_libs)

tests_unit_test_cron_next_SOURCES = tests/unit/test_cron_next.c tests/unit/suite.h
tests_unit_test_cron_next_CFLAGS = $(unit_cflags)
tests_unit_test_cron_next_LDADD = $(unit_libs)

tests_unit_test_events_SOURCES = tests/unit/test_events.c tests/unit/suite.h
tests_unit_test_events_CFLAGS = $(unit_cflags)
tests_unit_test_events_LDADD = $(unit_libs)

tests_unit_test_fsm_SOURCES = tests/unit/test_fsm.c tests/unit/suite.h
tests_unit_test_fsm_CFLAGS = $(unit_cflags)
tests_unit_test_fsm_LDADD = $(unit_libs)

tests_unit_test_journal_SOURCES = tests/unit/test_journal.c
tests_unit_test_journal_CFLAGS = $(unit_cflags)
tests_unit_test_journal_LDADD = $(unit_libs)

tests_unit_test_message_SOURCES = tests/unit/test_message.c
tests_unit_test_message_CFLAGS = $(unit_cflags)
tests_unit_test_message_LDADD = $(unit_libs)

tests_unit_test_notice_SOURCES = tests/unit/test_notice.c
tests_unit_test_notice_CFLAGS = $(unit_cflags)
tests_unit_test_notice_LDADD = $(unit_libs)

tests_unit_test_outcome_SOURCES = tests/unit/test_outcome.c
tests_unit_test_outcome_CFLAGS = $(unit_cflags)
tests_unit_test_outcome_LDADD = $(unit_libs)

tests_unit_test_restart_SOURCES = tests/unit/test_restart.c
tests_unit_test_restart_CFLAGS = $(unit_cflags)
tests_unit_test_restart_LDADD = $(unit_libs)

tests_unit_test_spawn_SOURCES = tests/unit/test_spawn.c
tests_unit_test_spawn_CFLAGS = $(unit_cflags)
tests_unit_test_spawn_LDADD = $(unit_libs)

tests_unit_test_units_SOURCES = tests/unit/test_units.c
tests_unit_test_units_CFLAGS = $(unit_cflags)
tests_unit_test_units_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_logs
TESTS += tests/unit/test_logs
tests_unit_test_logs_SOURCES = tests/unit/test_logs.c tests/unit/suite.h
tests_unit_test_logs_CFLAGS = $(unit_cflags)
tests_unit_test_logs_LDADD = $(unit_libs)
