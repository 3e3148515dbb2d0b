noinst_LTLIBRARIES += libcommon.la
libcommon_la_SOURCES = \
	src/common/fd.c src/common/fd.h \
	src/common/jsonline.c src/common/jsonline.h \
	src/common/jsonout.c src/common/jsonout.h \
	src/common/linebuf.c src/common/linebuf.h \
	src/common/proto.c src/common/proto.h \
	src/common/quantity.c src/common/quantity.h \
	src/common/text.c src/common/text.h
libcommon_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
