check_PROGRAMS += tests/unit/test_client
TESTS += tests/unit/test_client
tests_unit_test_client_SOURCES = tests/unit/test_client.c
tests_unit_test_client_CFLAGS = $(unit_cflags)
tests_unit_test_client_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_control_body
TESTS += tests/unit/test_control_body
tests_unit_test_control_body_SOURCES = tests/unit/test_control_body.c tests/unit/suite.h
tests_unit_test_control_body_CFLAGS = $(unit_cflags)
tests_unit_test_control_body_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_event_text
TESTS += tests/unit/test_event_text
tests_unit_test_event_text_SOURCES = tests/unit/test_event_text.c tests/unit/suite.h
tests_unit_test_event_text_CFLAGS = $(unit_cflags)
tests_unit_test_event_text_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_http
TESTS += tests/unit/test_http
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_CFLAGS = $(unit_cflags)
tests_unit_test_http_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_listener
TESTS += tests/unit/test_listener
tests_unit_test_listener_SOURCES = tests/unit/test_listener.c
tests_unit_test_listener_CFLAGS = $(unit_cflags)
tests_unit_test_listener_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_log
TESTS += tests/unit/test_log
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_CFLAGS = $(unit_cflags)
tests_unit_test_log_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_options
TESTS += tests/unit/test_options
tests_unit_test_options_SOURCES = tests/unit/test_options.c
tests_unit_test_options_CFLAGS = $(unit_cflags)
tests_unit_test_options_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_paths
TESTS += tests/unit/test_paths
tests_unit_test_paths_SOURCES = tests/unit/test_paths.c
tests_unit_test_paths_CFLAGS = $(unit_cflags)
tests_unit_test_paths_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_record_status
TESTS += tests/unit/test_record_status
tests_unit_test_record_status_SOURCES = tests/unit/test_record_status.c
tests_unit_test_record_status_CFLAGS = $(unit_cflags)
tests_unit_test_record_status_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_status_text
TESTS += tests/unit/test_status_text
tests_unit_test_status_text_SOURCES = tests/unit/test_status_text.c tests/unit/suite.h
tests_unit_test_status_text_CFLAGS = $(unit_cflags)
tests_unit_test_status_text_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_table
TESTS += tests/unit/test_table
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_CFLAGS = $(unit_cflags)
tests_unit_test_table_LDADD = $(unit_libs)

