# libFuzzer targets: configure CC=clang --enable-fuzzing, make fuzz, then tests/fuzz/fuzz_message -max_total_time=60 …
fuzz_programs = tests/fuzz/fuzz_config tests/fuzz/fuzz_http tests/fuzz/fuzz_message tests/fuzz/fuzz_notice tests/fuzz/fuzz_text
if FUZZING
noinst_PROGRAMS += $(fuzz_programs)
endif
EXTRA_PROGRAMS = $(fuzz_programs)
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer -static
fuzz: $(fuzz_programs)
.PHONY: fuzz

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c
tests_fuzz_fuzz_config_LDADD = libdaemon.la
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz_http.c
tests_fuzz_fuzz_http_LDADD = libdaemon.la
tests_fuzz_fuzz_http_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz_message.c
tests_fuzz_fuzz_message_LDADD = libdaemon.la
tests_fuzz_fuzz_message_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_notice_SOURCES = tests/fuzz/fuzz_notice.c
tests_fuzz_fuzz_notice_LDADD = libdaemon.la
tests_fuzz_fuzz_notice_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_text_SOURCES = tests/fuzz/fuzz_text.c
tests_fuzz_fuzz_text_LDADD = libdaemon.la
tests_fuzz_fuzz_text_LDFLAGS = $(fuzz_ldflags)
