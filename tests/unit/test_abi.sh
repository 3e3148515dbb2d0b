#!/bin/sh
# What libtaskd exports is what its list says, a static one has no names that could meet a program's own, and its header and the
# program of its page compile for a stranger.
set -eu
src=${TOP_SRCDIR:?}/src/libtaskd lib=${TOP_BUILDDIR:?}/.libs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$lib/libtaskd.so" | awk '{ print $3 }' | sort >"$work/exported"
sort "$src/libtaskd.sym" | diff - "$work/exported"
grep -oE '\btaskd_[a-z_]+\(' "$src/taskd.h" | tr -d '(' | sort -u | diff "$work/exported" -

if [ -e "$lib/libtaskd.a" ] && nm -g --defined-only "$lib/libtaskd.a" | awk 'NF == 3 && $3 !~ /^taskd_/ { print $3 }' | grep .; then
    echo "FAIL: these names of libtaskd.a are missing in names.h" >&2
    exit 1
fi

# Every function has its place in the page.
while read -r name; do
    grep -q "^\.Fn $name " "$TOP_SRCDIR/man/libtaskd.3" || { echo "FAIL: libtaskd(3) lacks $name" >&2; exit 1; }
done <"$work/exported"

${CC:-cc} -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c "$src/taskd.h"
if command -v c++ >/dev/null; then c++ -Wall -Wextra -Werror -fsyntax-only -x c++ "$src/taskd.h"; fi

# The complete program of libtaskd(3), as a reader would take it from the page.
awk '/^\.\\" -program/ { on = 1; next } /^\.Bd/ { next } /^\.Ed/ { on = 0 } on { gsub(/\\e/, "\\"); print }' \
  "$TOP_SRCDIR/man/libtaskd.3" >"$work/program.c"
grep -q 'int main' "$work/program.c"
# shellcheck disable=SC2086 # a list of flags
${CC:-cc} -Wall -Wextra -Werror -I"$src" "$work/program.c" -L"$lib" -ltaskd ${TASKD_LDFLAGS:-} -Wl,-rpath,"$lib" -o "$work/program"
"$work/program" one two >"$work/out"
test "$(cat "$work/out")" = "2 of 2 done"
echo "4 passed, 0 failed"
