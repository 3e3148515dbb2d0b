#!/bin/sh
# `taskd check` and `taskd schema` as a person runs them: what they print, and how they end.
set -u
data="$TOP_SRCDIR/tests/data/config"
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
failures=0

# expect STATUS NAME COMMAND…: runs it, its output in $dir/out and $dir/err.
expect() {
    wanted=$1 name=$2
    shift 2
    "$@" >"$dir/out" 2>"$dir/err"
    status=$?
    [ "$status" -eq "$wanted" ] || fail "$name: status $status instead of $wanted: $(cat "$dir/out" "$dir/err")"
}

fail() {
    echo "FAIL: $*" >&2
    failures=$((failures + 1))
}

same() {
    [ "$1" = "$2" ] || fail "got: $1
expected: $2"
}

cd "$data/valid" || exit 99
expect 0 "a right file" "$TASKD" check everything.json
same "$(cat "$dir/out")" "everything.json: ok: 2 workers, 5 tasks"
same "$(cat "$dir/err")" ""

expect 0 "one worker" "$TASKD" check minimal.json
same "$(cat "$dir/out")" "minimal.json: ok: 1 worker, 1 task"

expect 0 "standard input" sh -c '"$TASKD" check - <minimal.json'
same "$(cat "$dir/out")" "-: ok: 1 worker, 1 task"

expect 0 "as JSON" "$TASKD" check --json minimal.json
same "$(cat "$dir/out")" '{"ok":true,"file":"minimal.json","workers":1,"tasks":1,"errors":[]}'

cd "$data/invalid" || exit 99
for file in *.json; do
    expect 1 "$file" "$TASKD" check "$file"
    same "$(cat "$dir/out")" ""
    cmp -s "$dir/err" "${file%.json}.errors" || fail "$file: errors differ from ${file%.json}.errors"
done

expect 1 "errors as JSON" "$TASKD" check --json no-workers.json
same "$(cat "$dir/out")" '{"ok":false,"file":"no-workers.json","workers":0,"tasks":0,"errors":[{"file":"no-workers.json","path":"","message":"\"workers\" is missing","line":1,"column":1}]}'

expect 125 "a missing file" "$TASKD" check missing.json
same "$(cat "$dir/err")" "missing.json: No such file or directory"
expect 125 "a missing file as JSON" "$TASKD" check --json missing.json
same "$(cat "$dir/out")" '{"ok":false,"file":"missing.json","workers":0,"tasks":0,"errors":[{"file":"missing.json","path":"","message":"No such file or directory"}]}'
expect 125 "two files" "$TASKD" check a.json b.json

expect 0 "the schema" "$TASKD" schema
grep -q '"https://json-schema.org/draft/2020-12/schema"' "$dir/out" || fail "no schema"
expect 0 "the manual" "$TASKD" schema --man
grep -q '^\.It Cm stop_timeout : Ar duration$' "$dir/out" || fail "no manual"
expect 125 "an operand too many" "$TASKD" schema x

exit $((failures > 0))
