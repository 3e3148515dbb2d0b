# The exhaustive exploration of the state machine, and the bugs that it must find: see tests/model/explore.c.
model_sources = tests/model/explore.c tests/model/explore.h tests/model/kernel.c tests/model/kernel.h tests/model/view.c tests/model/view.h
check_LTLIBRARIES += libmodel.la
libmodel_la_SOURCES = $(model_sources)

# The model's own functions stand in for libevent's and for some of taskd's: first come, first linked.
check_PROGRAMS += tests/model/explore
tests_model_explore_SOURCES = tests/model/main.c
tests_model_explore_LDADD = libmodel.la libdaemon.la

SUFFIXES = .sed
.sed.c:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(srcdir)/tests/model/mutate $< $(srcdir)/src/taskd > $@.tmp && mv $@.tmp $@

tests_model_mutants_acknowledges_itself_SOURCES = tests/model/main.c
nodist_tests_model_mutants_acknowledges_itself_SOURCES = tests/model/mutants/acknowledges-itself.c
tests_model_mutants_acknowledges_itself_LDADD = libmodel.la libdaemon.la
tests_model_mutants_grace_never_ends_SOURCES = tests/model/main.c
nodist_tests_model_mutants_grace_never_ends_SOURCES = tests/model/mutants/grace-never-ends.c
tests_model_mutants_grace_never_ends_LDADD = libmodel.la libdaemon.la
tests_model_mutants_group_after_reap_SOURCES = tests/model/main.c
nodist_tests_model_mutants_group_after_reap_SOURCES = tests/model/mutants/group-after-reap.c
tests_model_mutants_group_after_reap_LDADD = libmodel.la libdaemon.la
tests_model_mutants_impossible_event_SOURCES = tests/model/main.c
nodist_tests_model_mutants_impossible_event_SOURCES = tests/model/mutants/impossible-event.c
tests_model_mutants_impossible_event_LDADD = libmodel.la libdaemon.la
tests_model_mutants_one_reap_SOURCES = tests/model/main.c
nodist_tests_model_mutants_one_reap_SOURCES = tests/model/mutants/one-reap.c
tests_model_mutants_one_reap_LDADD = libmodel.la libdaemon.la
tests_model_mutants_overdue_again_SOURCES = tests/model/main.c
nodist_tests_model_mutants_overdue_again_SOURCES = tests/model/mutants/overdue-again.c
tests_model_mutants_overdue_again_LDADD = libmodel.la libdaemon.la
tests_model_mutants_record_twice_SOURCES = tests/model/main.c
nodist_tests_model_mutants_record_twice_SOURCES = tests/model/mutants/record-twice.c
tests_model_mutants_record_twice_LDADD = libmodel.la libdaemon.la
tests_model_mutants_restart_ignores_stop_SOURCES = tests/model/main.c
nodist_tests_model_mutants_restart_ignores_stop_SOURCES = tests/model/mutants/restart-ignores-stop.c
tests_model_mutants_restart_ignores_stop_LDADD = libmodel.la libdaemon.la
tests_model_mutants_start_while_stopping_SOURCES = tests/model/main.c
nodist_tests_model_mutants_start_while_stopping_SOURCES = tests/model/mutants/start-while-stopping.c
tests_model_mutants_start_while_stopping_LDADD = libmodel.la libdaemon.la
tests_model_mutants_timer_survives_SOURCES = tests/model/main.c
nodist_tests_model_mutants_timer_survives_SOURCES = tests/model/mutants/timer-survives.c
tests_model_mutants_timer_survives_LDADD = libmodel.la libdaemon.la
mutants = \
	tests/model/mutants/acknowledges-itself \
	tests/model/mutants/grace-never-ends \
	tests/model/mutants/group-after-reap \
	tests/model/mutants/impossible-event \
	tests/model/mutants/one-reap \
	tests/model/mutants/overdue-again \
	tests/model/mutants/record-twice \
	tests/model/mutants/restart-ignores-stop \
	tests/model/mutants/start-while-stopping \
	tests/model/mutants/timer-survives
mutant_sources = \
	tests/model/mutants/acknowledges-itself.c \
	tests/model/mutants/grace-never-ends.c \
	tests/model/mutants/group-after-reap.c \
	tests/model/mutants/impossible-event.c \
	tests/model/mutants/one-reap.c \
	tests/model/mutants/overdue-again.c \
	tests/model/mutants/record-twice.c \
	tests/model/mutants/restart-ignores-stop.c \
	tests/model/mutants/start-while-stopping.c \
	tests/model/mutants/timer-survives.c
$(mutant_sources): src/taskd/fsm.c src/taskd/reap.c src/taskd/restart.c src/taskd/talk.c src/taskd/task.c src/taskd/turnover.c \
	src/taskd/watch.c tests/model/mutate
check_PROGRAMS += $(mutants)
CLEANFILES += $(mutant_sources)
TESTS += tests/model/test_model.sh
dist_check_SCRIPTS += tests/model/test_model.sh tests/model/mutate
EXTRA_DIST += $(mutant_sources:.c=.sed) tests/model/mutants/README

# make model DEPTH=7: deeper, by hand.
model: tests/model/explore$(EXEEXT) $(mutants)
	$(AM_V_at)export TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' DEPTH='$(DEPTH)'; $(srcdir)/tests/model/test_model.sh
.PHONY: model
