# One table of cases for the SDK of every language (test_conformance.py), and what each language has of its own. The SDK for C
# has its own tests in tests/unit and tests/it.
check_PROGRAMS += tests/sdk/conform
tests_sdk_conform_SOURCES = tests/sdk/conform.c $(no_leak_search)
tests_sdk_conform_LDADD = libtaskd.la
tests_sdk_conform_LDFLAGS = $(AM_LDFLAGS) -static
sdk_tests = tests/sdk/test_conformance.py tests/sdk/test_shell.py tests/sdk/test_python.py tests/sdk/test_python_wire.py \
	tests/sdk/test_node.py tests/sdk/test_node_wire.py
dist_check_SCRIPTS += $(sdk_tests)
EXTRA_DIST += tests/sdk/broken_rules.py tests/sdk/conform.sh tests/sdk/conform.py tests/sdk/conform.mjs tests/sdk/types.mts
if HAVE_PYTHON3
TESTS += $(sdk_tests)
endif

# Whether each case fails when its rule is broken: BROKEN has options and the names of cases.
broken-rules:
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) '$(PYTHON3)' '$(srcdir)/tests/sdk/broken_rules.py' $(BROKEN)
.PHONY: broken-rules
