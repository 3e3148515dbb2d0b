#!/usr/bin/env bash
# Boots a real systemd in namespaces of its own and holds the installed units against it: readiness, status line, watchdog, a
# stop that takes longer than TimeoutStopSec, and workers under the units' hardening. Needs root; skips loudly without.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source_root=$(cd "${TOP_SRCDIR:-$here/../..}" && pwd)
build=$(cd "${TOP_BUILDDIR:-.}" && pwd)

skip() { echo "SKIPPED: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "booting systemd in namespaces needs root"
[ -x /lib/systemd/systemd ] || [ -x /usr/lib/systemd/systemd ] || skip "systemd is not installed"
mountpoint -q / || skip "a chroot's root folder is no mount: run it through tests/room.sh"
unshare --mount --pid --fork --cgroup --kill-child true 2>/dev/null || skip "this machine allows no new namespaces"

stage=$(mktemp -d)
boot=
cleanup() {
  [ -z "$boot" ] || { kill -TERM "$boot" 2>/dev/null || :; wait "$boot" 2>/dev/null || :; }
  rm -rf "$stage"
}
trap cleanup EXIT

mkdir "$stage"/{bin,etc,etc/taskd,units}
cp "$build/taskd" "$here/worker.sh" "$here/driver.sh" "$stage/bin/"
chmod -R a+rX "$stage"
chmod a+rx "$stage"/bin/*
cp /etc/passwd /etc/group "$stage/"
# As systemd-sysusers would make it from sysusers.d/taskd.conf.
grep -q '^u taskd ' "$source_root/systemd/sysusers.d/taskd.conf"
grep -q '^taskd:' "$stage/passwd" || echo 'taskd:x:65432:65432::/:/usr/sbin/nologin' >>"$stage/passwd"
grep -q '^taskd:' "$stage/group" || echo 'taskd:x:65432:' >>"$stage/group"

for unit in taskd.service taskd@.service; do
  sed -e 's|@bindir@|/run/stage/bin|g' -e 's|@sysconfdir@|/run/stage/etc|g' "$source_root/systemd/$unit.in" >"$stage/units/$unit"
done
# Times that a test can wait for; all the rest of the unit is as installed.
mkdir "$stage/units/taskd.service.d" "$stage/units/taskd@.service.d"
printf '[Service]\nWatchdogSec=2s\nTimeoutStopSec=2s\n' >"$stage/units/taskd.service.d/quick.conf"
printf '[Service]\nDelegate=yes\nProtectControlGroups=no\n' >"$stage/units/taskd@.service.d/delegate.conf"
# A build with sanitizers looks for leaks by attaching to itself, which the units rightly forbid.
printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' | tee "$stage"/units/taskd{,@}.service.d/sanitizer.conf >/dev/null
for target in sysinit basic network shutdown; do printf '[Unit]\nDefaultDependencies=no\n' >"$stage/units/$target.target"; done
printf '[Unit]\nDefaultDependencies=no\nWants=driver.service\n' >"$stage/units/boot.target"
printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/run/stage/bin/driver.sh\nStandardOutput=null\n' \
  >"$stage/units/driver.service"

worker() { printf '"bill": {"command": ["/run/stage/bin/worker.sh", "%s"], "start_timeout": "1min", "stop_timeout": "1min"}' "$1"; }
printf '{"workers": {%s}}\n' "$(worker /var/lib/taskd/box)" >"$stage/etc/taskd/taskd.json"
images=
if [ -x "$build/examples/image-batch/image-batch" ]; then
  cp "$build/examples/image-batch/image-batch" "$stage/bin/"
  "$build/examples/image-batch/make-pictures" "$stage/pictures" 4 160 120
  box=/var/lib/taskd@images/box
  images=", \"resize\": {\"command\": [\"/run/stage/bin/image-batch\", \"--db\", \"$box/r.db\", \"--out\", \"$box/small\", \"$box/pictures\"]}"
fi
printf '{"workers": {%s%s}}\n' "$(worker /var/lib/taskd@images/box)" "$images" >"$stage/etc/taskd/images.json"

bash "$here/contain.sh" "$stage" </dev/null >"$stage/boot.log" 2>&1 &
boot=$!
end=$((SECONDS + 240))
while [ ! -e "$stage/finished" ] && kill -0 "$boot" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.1; done
if [ ! -e "$stage/finished" ]; then
  status=0
  kill -0 "$boot" 2>/dev/null || wait "$boot" || status=$?
  cat "$stage/boot.log" "$stage/report" 2>/dev/null || :
  [ "$status" != 77 ] || skip "$(tail -n 1 "$stage/boot.log")"
  echo "the driver did not finish"
  exit 1
fi
cat "$stage/finished"
grep -qx '[1-9][0-9]* passed, 0 failed' "$stage/finished"
