#!/usr/bin/env bash
# Runs inside of the booted systemd, as the unit driver.service, and says in TAP-like lines what came true.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
stage=/run/stage passed=0 failed=0

until_true() { # SECONDS COMMAND…
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}
check() { # WHAT COMMAND…
  local what=$1
  shift
  if "$@"; then
    echo "ok - $what"
    passed=$((passed + 1))
  else
    echo "not ok - $what"
    systemctl status --no-pager "${unit:-taskd.service}" 2>&1 | sed 's/^/  # /' || :
    failed=$((failed + 1))
  fi
}
show() { systemctl show --value -p "$1" "$unit"; }
is() { [ "$(show "$1")" = "$2" ]; }
contains() { [[ "$(show "$1")" == *"$2"* ]]; }
says_something() { [ -n "$(show "$1")" ]; }
changed() { [ "$(show "$1")" != "$2" ]; }
has_line() { grep -qxF "$2" "$1" 2>/dev/null; }
fails() { ! "$@" 2>/dev/null; }
lacks() { ! grep -q "$2" "$1"; }

the_root_unit() {
  unit=taskd.service
  local dir=/var/lib/taskd/box
  mkdir -p $dir
  systemctl start --no-block $unit
  check "the worker runs within the hardening" until_true 20 test -s $dir/facts
  check "not active before the worker is ready" is ActiveState activating
  touch $dir/ready
  check "active once it is" until_true 20 is ActiveState active
  check "it has begun its unit" until_true 20 test -e $dir/begun
  check "the worker runs as root" has_line $dir/facts root
  check "and cannot gain privileges" has_line $dir/facts $'NoNewPrivs:\t1'
  check "nor write to the system" lacks $dir/facts writable
  check "nor speak to the service manager" lacks $dir/facts NOTIFY_SOCKET
  check "there is a status line" says_something StatusText
  echo "# status: $(show StatusText)"
  local ping
  ping=$(show WatchdogTimestampMonotonic)
  check "the watchdog is fed" until_true 20 changed WatchdogTimestampMonotonic "$ping"
  ping=$(show MainPID)
  check "it reads its configuration again" systemctl reload $unit
  check "and goes on" is MainPID "$ping"
  cp $stage/etc/taskd/taskd.json $stage/good.json
  echo '{"workers": {"bill": {"comand": []}}}' >$stage/etc/taskd/taskd.json
  check "a wrong configuration is a reload that fails" fails systemctl reload $unit
  check "and changes nothing" is ActiveState active
  cp $stage/good.json $stage/etc/taskd/taskd.json
  systemctl stop --no-block $unit
  check "a stop is under way" until_true 20 is SubState stop-sigterm
  check "and the status line names the unit that it waits for" until_true 20 contains StatusText 'invoice 7'
  echo "# status: $(show StatusText)"
  sleep 4 # twice TimeoutStopSec: the passing of time is the point
  check "twice its TimeoutStopSec later it still waits" is SubState stop-sigterm
  check "with its worker alive and its unit not cut" test ! -e $dir/done
  touch $dir/finish
  check "then all of it ends" until_true 20 is ActiveState inactive
  check "well" is Result success
  check "the unit was finished, once" [ "$(cat $dir/done)" = "invoice 7" ]
  check "its record says so" grep -q '"how": *"cooperative"' /var/lib/taskd/results.ndjson
}

the_watchdog_bites() {
  unit=taskd.service
  rm -f /var/lib/taskd/box/{begun,finish,done}
  systemctl start --no-block $unit
  check "it starts a second time" until_true 20 is ActiveState active
  local pid
  pid=$(show MainPID)
  [ "$pid" -gt 1 ] && kill -STOP "$pid"
  check "a taskd that hangs is replaced" until_true 30 changed MainPID "$pid"
  touch /var/lib/taskd/box/finish
  check "and its successor works" until_true 30 is ActiveState active
  systemctl stop $unit
}

the_user_unit() {
  unit=taskd@images.service
  local dir=/var/lib/taskd@images/box
  mkdir -p $dir
  [ -d $stage/pictures ] && cp -r $stage/pictures $dir/
  touch $dir/ready $dir/finish
  chown -R taskd: /var/lib/taskd@images
  systemctl start $unit
  check "an instance for a user's configuration becomes active" is ActiveState active
  check "its worker is the user taskd" has_line $dir/facts taskd
  check "its socket answers" $stage/bin/taskd status --socket /run/taskd@images/taskd.sock
  # The drop-in that taskd.json(5) describes is in place for this one.
  local group
  group=/sys/fs/cgroup$(show ControlGroup)
  check "taskd has moved into a leaf of its control group" has_line "$group/taskd/cgroup.procs" "$(show MainPID)"
  check "and each task has one of its own" test -d "$group/bill@1"
  if [ -d $stage/pictures ]; then
    check "a real worker (SQLite, pictures) does its work there" until_true 60 grep -qs '"done": *4' /var/lib/taskd@images/results.ndjson
    check "its images are there" [ "$(find $dir/small -name '*.jpg' | wc -l)" = 4 ]
  fi
  systemctl stop $unit
  check "and stops well" is Result success
  check "with no control group left" test ! -e "$group/bill@1"
}

{
  the_root_unit
  the_watchdog_bites
  the_user_unit
  echo "$passed passed, $failed failed"
} >$stage/report 2>&1
mv $stage/report $stage/finished
