# TASKD_SWITCH(NAME, WHAT): --enable-NAME, off unless asked for, in $enable_NAME (NAME with _ for -).
AC_DEFUN([TASKD_SWITCH], [
  AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [build with $2])], [], [AS_TR_SH([enable_$1])=no])
])

# TASKD_TRY_CFLAGS(FLAGS): each flag that the compiler takes without a word is added to TASKD_CFLAGS.
AC_DEFUN([TASKD_TRY_CFLAGS], [
  taskd_saved_CFLAGS=$CFLAGS
  for taskd_flag in $1; do
    # gcc is silent about an unknown -Wno-x: ask for -Wx instead.
    taskd_asked=`AS_ECHO(["$taskd_flag"]) | sed 's/^-Wno-/-W/'`
    CFLAGS="$taskd_saved_CFLAGS -Werror $taskd_asked"
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([int taskd_probe(void); int taskd_probe(void) { return 0; }])],
      [TASKD_CFLAGS="$TASKD_CFLAGS $taskd_flag"])
  done
  CFLAGS=$taskd_saved_CFLAGS
])

# TASKD_SYSTEMD_DIR(VARIABLE, PKG-CONFIG NAME, FALLBACK): the folder that systemd.pc names when the prefix is /usr, else PREFIX/FALLBACK.
AC_DEFUN([TASKD_SYSTEMD_DIR], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [where such files of systemd are installed])], [$1=$withval], [
    AS_IF([test "$prefix" = /usr], [PKG_CHECK_VAR([$1], [systemd], [$2])])
    AS_IF([test -z "$$1"], [$1='${prefix}/$3'])
  ])
  AC_SUBST([$1])
])

# TASKD_STATIC: how taskd is linked so that it needs no shared library, in TASKD_LINK: as a program that may be loaded anywhere, where
# the toolchain can. musl's wrapper of gcc takes -static-pie without a word and links a dynamic program, so the probe looks
# whether it was loaded by an interpreter.
AC_DEFUN([TASKD_STATIC], [
  taskd_saved_CFLAGS=$CFLAGS taskd_saved_LDFLAGS=$LDFLAGS taskd_saved_LIBS=$LIBS
  CFLAGS="$CFLAGS -fPIE $LIBEVENT_CFLAGS $JANSSON_CFLAGS" LIBS="$LIBEVENT_LIBS $JANSSON_LIBS $LIBS" LDFLAGS="$LDFLAGS -static"
  AC_MSG_CHECKING([for static libraries of libevent and jansson])
  AC_LINK_IFELSE([TASKD_STATIC_PROGRAM], [AC_MSG_RESULT([yes])], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([--enable-static-binary needs libc.a, libevent_core.a and libjansson.a: see examples/container/README.md])])
  TASKD_LINK=-all-static
  AC_MSG_CHECKING([for static programs that may be loaded anywhere])
  LDFLAGS="$taskd_saved_LDFLAGS -static-pie"
  AC_RUN_IFELSE([TASKD_STATIC_PROGRAM], [AC_MSG_RESULT([yes]); TASKD_LINK="-XCClinker -static-pie"],
    [AC_MSG_RESULT([no])], [AC_MSG_RESULT([no, when building for another machine])])
  CFLAGS=$taskd_saved_CFLAGS LDFLAGS=$taskd_saved_LDFLAGS LIBS=$taskd_saved_LIBS
])
AC_DEFUN([TASKD_STATIC_PROGRAM], [AC_LANG_PROGRAM([[#include <event2/event.h>
#include <jansson.h>
#include <sys/auxv.h>]], [[return getauxval(AT_BASE) == 0 && json_null() && event_get_version() ? 0 : 1;]])])

# TASKD_COMPLETION_DIR(VARIABLE, DEFAULT): where one shell's completion goes, as --with-VARIABLE says.
AC_DEFUN([TASKD_COMPLETION_DIR], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [(default $2)])], [], [with_$1='$2'])
  AC_SUBST([$1], [$with_$1])])
