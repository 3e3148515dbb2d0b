# One table of cases for the SDK of every language: tests/sdk/test_conformance.py.
check_PROGRAMS += tests/sdk/conform
tests_sdk_conform_SOURCES = tests/sdk/conform.c $(no_leak_search)
tests_sdk_conform_LDADD = libtaskd.la
tests_sdk_conform_LDFLAGS = $(AM_LDFLAGS) -static
sdk_tests = tests/sdk/test_conformance.py tests/sdk/test_shell.py
dist_check_SCRIPTS += $(sdk_tests)
EXTRA_DIST += tests/sdk/conform.sh
if HAVE_PYTHON3
TESTS += $(sdk_tests)
endif
