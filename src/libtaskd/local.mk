lib_LTLIBRARIES += libtaskd.la
libtaskd_la_SOURCES = \
	src/libtaskd/handle.c src/libtaskd/handle.h \
	src/libtaskd/inbox.c \
	src/libtaskd/outbox.c
libtaskd_la_LIBADD = libcommon.la $(JANSSON_LIBS)
libtaskd_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(LIBTASKD_VERSION) -no-undefined \
	-export-symbols $(srcdir)/src/libtaskd/libtaskd.sym
EXTRA_libtaskd_la_DEPENDENCIES = src/libtaskd/libtaskd.sym
include_HEADERS += src/libtaskd/taskd.h
pkgconfig_DATA += src/libtaskd/taskd.pc
EXTRA_DIST += src/libtaskd/libtaskd.sym
