#!/bin/sh
# The state machine, explored: no property is broken by the code as it is, and each seeded bug is found.
# DEPTH sets how many steps; see explore.c.
set -u
here=${TOP_SRCDIR:?}/tests/model
built=${TOP_BUILDDIR:?}/tests/model
passed=0 failed=0

echo "the code as it is:"
if "$built/explore" "${DEPTH:-5}"; then passed=1; else failed=1; fi
# A bug may leak, too: that is not what it is here for.
ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
export ASAN_OPTIONS
for script in "$here"/mutants/*.sed; do
	name=$(basename "$script" .sed)
	property=$(sed -n 's/^#breaks //p' "$script")
	if found=$("$built/mutants/$name" 4 "$property" 2>&1); then
		passed=$((passed + 1))
		echo "found: $name: $(echo "$found" | sed -n 's/^broken: //p')"
	else
		failed=$((failed + 1))
		echo "NOT FOUND: $name, which breaks $property:"
		echo "$found"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
