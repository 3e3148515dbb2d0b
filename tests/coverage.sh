#!/bin/sh
# coverage.sh BUILD: how many lines of src/ the tests have run, from what a build with --enable-coverage left behind.
# A file that is compiled twice (for the shared and the static library) counts with its better half. A killed process leaves nothing.
set -eu
cd "$1"
find src -name '*.gcda' | while read -r data; do
  gcov -n "$data" 2>/dev/null
done | awk '
  /^File / { file = $2; gsub(/\047/, "", file); next }
  /^Lines executed:/ && file ~ /\/src\/(common|libtaskd|taskd)\/[^\/]*\.c$/ {
    split($0, part, /[:% ]+/)
    sub(/.*\/src\//, "", file)
    if (!(file in lines) || part[3] > percent[file]) { percent[file] = part[3]; lines[file] = part[5] }
    file = ""
  }
  END {
    for (f in lines) { printf "%6.1f %% of %4d  %s\n", percent[f], lines[f], f | "sort -n"; run += percent[f] * lines[f] / 100; all += lines[f] }
    close("sort -n")
    if (!all) { print "no coverage data: configure with --enable-coverage, then make check"; exit 1 }
    printf "line coverage of src/: %.1f %% of %d lines\n", 100 * run / all, all
  }'
