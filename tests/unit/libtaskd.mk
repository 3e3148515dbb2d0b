libtaskd_tests = tests/unit/test_libtaskd tests/unit/test_libtaskd_messages tests/unit/test_libtaskd_units
check_PROGRAMS += $(libtaskd_tests)
TESTS += $(libtaskd_tests) tests/unit/test_abi.sh
dist_check_SCRIPTS += tests/unit/test_abi.sh

tests_unit_test_libtaskd_SOURCES = tests/unit/test_libtaskd.c tests/unit/peer.h
tests_unit_test_libtaskd_CFLAGS = $(unit_cflags)
tests_unit_test_libtaskd_LDADD = libtaskd.la libcommon.la $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_libtaskd_messages_SOURCES = tests/unit/test_libtaskd_messages.c tests/unit/peer.h
tests_unit_test_libtaskd_messages_CFLAGS = $(unit_cflags)
tests_unit_test_libtaskd_messages_LDADD = libtaskd.la libcommon.la $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_libtaskd_units_SOURCES = tests/unit/test_libtaskd_units.c tests/unit/peer.h
tests_unit_test_libtaskd_units_CFLAGS = $(unit_cflags)
tests_unit_test_libtaskd_units_LDADD = libtaskd.la libcommon.la $(JANSSON_LIBS) $(CHECK_LIBS)

# The page's program is built like the library, so that it can load one with sanitizers in it.
AM_TESTS_ENVIRONMENT += export CC='$(CC)' TASKD_LDFLAGS='$(TASKD_LDFLAGS)';
