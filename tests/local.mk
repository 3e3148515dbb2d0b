# Three storeys: unit (one program a module, check), it (the real binary, Python), examples.
AM_TESTS_ENVIRONMENT = \
	export TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' TASKD='$(abs_top_builddir)/taskd' \
	       PYTHON3='$(PYTHON3)' PYTHONDONTWRITEBYTECODE=1 CK_DEFAULT_TIMEOUT=60;
unit_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS) -Wno-format-extra-args -Wno-gnu-zero-variadic-macro-arguments -Wno-pedantic -Wno-write-strings -Wno-conversion -Wno-sign-conversion
unit_libs = libdaemon.la $(CHECK_LIBS)

EXTRA_DIST += tests/coverage.sh tests/room.sh

# In a build with --enable-coverage, after make check.
coverage:
	$(AM_V_at)$(srcdir)/tests/coverage.sh '$(abs_top_builddir)'
.PHONY: coverage

include tests/unit/common.mk
include tests/unit/libtaskd.mk
include tests/unit/config.mk
include tests/unit/core.mk
include tests/unit/cli.mk
include tests/model/local.mk
include tests/it/local.mk
include tests/sdk/local.mk
include tests/arrows/local.mk
include tests/docs/local.mk
include tests/examples/local.mk
include tests/systemd/local.mk
include tests/lint.mk
include tests/fuzz/local.mk
