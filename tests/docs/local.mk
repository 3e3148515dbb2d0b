docs_tests = tests/docs/test_readme.py
dist_check_SCRIPTS += $(docs_tests)
if HAVE_PYTHON3
TESTS += $(docs_tests)
endif
