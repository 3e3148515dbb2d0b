lib_LTLIBRARIES += libtaskd.la
libtaskd_la_SOURCES = \
	src/libtaskd/handle.c src/libtaskd/handle.h \
	src/libtaskd/inbox.c \
	src/libtaskd/names.h \
	src/libtaskd/outbox.c
# What it needs of src/common is compiled once more: under names that cannot meet those of a program that links statically.
libtaskd_la_SOURCES += \
	src/common/fd.c src/common/jsonline.c src/common/jsonout.c src/common/linebuf.c src/common/proto.c src/common/text.c
libtaskd_la_CFLAGS = $(AM_CFLAGS) -include $(srcdir)/src/libtaskd/names.h
libtaskd_la_LIBADD = $(JANSSON_LIBS)
libtaskd_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(LIBTASKD_VERSION) -no-undefined \
	-export-symbols $(srcdir)/src/libtaskd/libtaskd.sym
EXTRA_libtaskd_la_DEPENDENCIES = src/libtaskd/libtaskd.sym
include_HEADERS += src/libtaskd/taskd.h
pkgconfig_DATA += src/libtaskd/taskd.pc
EXTRA_DIST += src/libtaskd/libtaskd.sym
