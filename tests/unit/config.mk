config_tests = tests/unit/test_address tests/unit/test_config tests/unit/test_config_diff tests/unit/test_config_include \
	tests/unit/test_config_name tests/unit/test_config_options tests/unit/test_config_schema tests/unit/test_jsonpos
check_PROGRAMS += $(config_tests)
TESTS += $(config_tests) tests/unit/test_check.sh
dist_check_SCRIPTS += tests/unit/test_check.sh

tests_unit_test_address_SOURCES = tests/unit/test_address.c tests/unit/suite.h
tests_unit_test_address_CFLAGS = $(unit_cflags)
tests_unit_test_address_LDADD = $(unit_libs)

tests_unit_test_config_SOURCES = tests/unit/test_config.c tests/unit/suite.h
tests_unit_test_config_CFLAGS = $(unit_cflags)
tests_unit_test_config_LDADD = $(unit_libs)

tests_unit_test_config_diff_SOURCES = tests/unit/test_config_diff.c tests/unit/suite.h
tests_unit_test_config_diff_CFLAGS = $(unit_cflags)
tests_unit_test_config_diff_LDADD = $(unit_libs)

tests_unit_test_config_include_SOURCES = tests/unit/test_config_include.c tests/unit/suite.h
tests_unit_test_config_include_CFLAGS = $(unit_cflags)
tests_unit_test_config_include_LDADD = $(unit_libs)

tests_unit_test_config_name_SOURCES = tests/unit/test_config_name.c tests/unit/suite.h
tests_unit_test_config_name_CFLAGS = $(unit_cflags)
tests_unit_test_config_name_LDADD = $(unit_libs)

tests_unit_test_config_options_SOURCES = tests/unit/test_config_options.c tests/unit/suite.h
tests_unit_test_config_options_CFLAGS = $(unit_cflags)
tests_unit_test_config_options_LDADD = $(unit_libs)

tests_unit_test_config_schema_SOURCES = tests/unit/test_config_schema.c tests/unit/suite.h
tests_unit_test_config_schema_CFLAGS = $(unit_cflags)
tests_unit_test_config_schema_LDADD = $(unit_libs)

tests_unit_test_jsonpos_SOURCES = tests/unit/test_jsonpos.c tests/unit/suite.h
tests_unit_test_jsonpos_CFLAGS = $(unit_cflags)
tests_unit_test_jsonpos_LDADD = $(unit_libs)

# Each invalid file stands beside the errors that it must give.
EXTRA_DIST += \
	tests/data/config/invalid/across-keys.errors \
	tests/data/config/invalid/across-keys.json \
	tests/data/config/invalid/after.errors \
	tests/data/config/invalid/after.json \
	tests/data/config/invalid/alone.errors \
	tests/data/config/invalid/alone.json \
	tests/data/config/invalid/bad-texts.errors \
	tests/data/config/invalid/bad-texts.json \
	tests/data/config/invalid/bad.env \
	tests/data/config/invalid/byte-order-mark.errors \
	tests/data/config/invalid/byte-order-mark.json \
	tests/data/config/invalid/conf.d/bad.json \
	tests/data/config/invalid/conf.d/empty.json \
	tests/data/config/invalid/conf.d/list.json \
	tests/data/config/invalid/conf.d/one.json \
	tests/data/config/invalid/conf.d/two.json \
	tests/data/config/invalid/deep.errors \
	tests/data/config/invalid/deep.json \
	tests/data/config/invalid/duplicates.errors \
	tests/data/config/invalid/duplicates.json \
	tests/data/config/invalid/empty-workers.errors \
	tests/data/config/invalid/empty-workers.json \
	tests/data/config/invalid/empty.errors \
	tests/data/config/invalid/empty.json \
	tests/data/config/invalid/include.errors \
	tests/data/config/invalid/include.json \
	tests/data/config/invalid/list.errors \
	tests/data/config/invalid/list.json \
	tests/data/config/invalid/names.errors \
	tests/data/config/invalid/names.json \
	tests/data/config/invalid/no-workers.errors \
	tests/data/config/invalid/no-workers.json \
	tests/data/config/invalid/out-of-range.errors \
	tests/data/config/invalid/out-of-range.json \
	tests/data/config/invalid/sockets-with-workers.errors \
	tests/data/config/invalid/sockets-with-workers.json \
	tests/data/config/invalid/sockets.errors \
	tests/data/config/invalid/sockets.json \
	tests/data/config/invalid/syntax-bracket.errors \
	tests/data/config/invalid/syntax-bracket.json \
	tests/data/config/invalid/syntax-columns.errors \
	tests/data/config/invalid/syntax-columns.json \
	tests/data/config/invalid/syntax-comma.errors \
	tests/data/config/invalid/syntax-comma.json \
	tests/data/config/invalid/syntax-comment.errors \
	tests/data/config/invalid/syntax-comment.json \
	tests/data/config/invalid/syntax-nul.errors \
	tests/data/config/invalid/syntax-nul.json \
	tests/data/config/invalid/syntax-quotes.errors \
	tests/data/config/invalid/syntax-quotes.json \
	tests/data/config/invalid/syntax-string.errors \
	tests/data/config/invalid/syntax-string.json \
	tests/data/config/invalid/syntax-utf8.errors \
	tests/data/config/invalid/syntax-utf8.json \
	tests/data/config/invalid/too-many-tasks.errors \
	tests/data/config/invalid/too-many-tasks.json \
	tests/data/config/invalid/unknown-keys.errors \
	tests/data/config/invalid/unknown-keys.json \
	tests/data/config/invalid/wrong-types.errors \
	tests/data/config/invalid/wrong-types.json \
	tests/data/config/valid/conf.d/10-ten.json \
	tests/data/config/valid/conf.d/20-twenty.json \
	tests/data/config/valid/everything.json \
	tests/data/config/valid/include.json \
	tests/data/config/valid/minimal.json \
	tests/data/config/valid/variables.env
