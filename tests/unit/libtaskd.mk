check_PROGRAMS += tests/unit/test_libtaskd
TESTS += tests/unit/test_libtaskd tests/unit/test_abi.sh
dist_check_SCRIPTS += tests/unit/test_abi.sh
tests_unit_test_libtaskd_SOURCES = tests/unit/test_libtaskd.c
tests_unit_test_libtaskd_CFLAGS = $(unit_cflags)
tests_unit_test_libtaskd_LDADD = libtaskd.la libcommon.la $(JANSSON_LIBS) $(CHECK_LIBS)
# The page's program is built like the library, so that it can load one with sanitizers in it.
AM_TESTS_ENVIRONMENT += export CC='$(CC)' TASKD_LDFLAGS='$(TASKD_LDFLAGS)';
