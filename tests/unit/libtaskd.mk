check_PROGRAMS += tests/unit/test_libtaskd
TESTS += tests/unit/test_libtaskd tests/unit/test_abi.sh
dist_check_SCRIPTS += tests/unit/test_abi.sh
tests_unit_test_libtaskd_SOURCES = tests/unit/test_libtaskd.c
tests_unit_test_libtaskd_CFLAGS = $(unit_cflags)
tests_unit_test_libtaskd_LDADD = libtaskd.la libcommon.la $(JANSSON_LIBS) $(CHECK_LIBS)
