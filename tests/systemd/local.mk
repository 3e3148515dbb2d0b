# The units, held against systemd itself: read by its own tools, then run by a real one in namespaces.
systemd_tests = tests/systemd/test_boot.sh tests/systemd/test_units.sh
dist_check_SCRIPTS += $(systemd_tests)
EXTRA_DIST += tests/systemd/contain.sh tests/systemd/driver.sh tests/systemd/worker.sh
TESTS += $(systemd_tests)
