#!/usr/bin/env bash
# The installed units: nothing for systemd to complain about, and no more exposed than was promised.
set -euo pipefail
build=$(cd "${TOP_BUILDDIR:-.}" && pwd)
if ! command -v systemd-analyze >/dev/null; then
  echo "SKIPPED: systemd-analyze is not installed"
  exit 77
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0 failed=0
units=$root/lib/systemd/system

check() { # WHAT COMMAND…
  local what=$1
  shift
  if "$@"; then
    echo "ok - $what"
    passed=$((passed + 1))
  else
    echo "not ok - $what"
    failed=$((failed + 1))
  fi
}

program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$build/systemd/taskd.service")
mkdir -p "$units" "$root$(dirname "$program")"
cp "$build/taskd" "$root$program"
cp "$build/systemd/taskd.service" "$build/systemd/taskd@.service" "$units/"
for target in sysinit basic network shutdown multi-user; do printf '[Unit]\nDescription=%s\n' $target >"$units/$target.target"; done

complaints() { systemd-analyze verify --man=no --root="$root" "$@" 2>&1 || echo "verify failed"; }
clean() {
  local said
  said=$(complaints "$@")
  [ -z "$said" ] || { echo "$said"; return 1; }
}
exposed_at_most() { systemd-analyze security --offline=true --no-pager --threshold="$1" "$2" >/dev/null 2>&1; }
fails() { ! "$@" >/dev/null; }
whole() { ! grep -q '@[a-z]*@' "$1"; }

check "taskd.service verifies" clean taskd.service
check "taskd@.service verifies" clean taskd@batch.service
check "every path in taskd.service is filled in" whole "$units/taskd.service"
check "every path in taskd@.service is filled in" whole "$units/taskd@.service"
check "taskd.service is exposed 2.8 at most" exposed_at_most 28 "$units/taskd.service"
check "taskd@.service is exposed 2.1 at most" exposed_at_most 21 "$units/taskd@.service"

# These checks can fail.
sed -e 's/^KillMode=mixed/KillMode=mixt/' "$units/taskd.service" >"$units/wrong.service"
check "a wrong unit is noticed" fails clean wrong.service
sed -e '/^Protect/d' "$units/taskd.service" >"$units/open.service"
check "an open unit is noticed" fails exposed_at_most 28 "$units/open.service"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
