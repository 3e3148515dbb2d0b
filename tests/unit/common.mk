check_PROGRAMS += tests/unit/test_common
TESTS += tests/unit/test_common
tests_unit_test_common_SOURCES = tests/unit/test_common.c
tests_unit_test_common_CFLAGS = $(unit_cflags)
tests_unit_test_common_LDADD = libcommon.la $(JANSSON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/test_stream
TESTS += tests/unit/test_stream
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c
tests_unit_test_stream_CFLAGS = $(unit_cflags)
tests_unit_test_stream_LDADD = libcommon.la $(JANSSON_LIBS) $(CHECK_LIBS)
