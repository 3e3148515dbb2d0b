# TASKD_SWITCH(NAME, WHAT): --enable-NAME, off unless asked for, in $enable_NAME.
AC_DEFUN([TASKD_SWITCH], [
  AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [build with $2])], [], [enable_$1=no])
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
