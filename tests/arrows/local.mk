dist_check_SCRIPTS += tests/arrows/test_arrows.py
if HAVE_PYTHON3
TESTS += tests/arrows/test_arrows.py
endif
