#!/usr/bin/env bash
# The conformance driver of sdk/shell: each argument is an operation, its fields separated by '|'.
set -u
supervised=${TASKD_FD:+true}
# shellcheck source=sdk/shell/taskd.sh
. "${BASH_SOURCE%/*}/../../sdk/shell/taskd.sh"

truth() { if "$@"; then REPLY=true; else REPLY=false; fi; } # not in a subshell: what it learns is to stay

remaining() {
  local ms
  ms=$(taskd_remaining_ms)
  case $ms in
  -1) echo -1 ;;
  9223372036854775807) echo none ;;
  0) echo zero ;;
  *) echo positive ;;
  esac
}

say() {
  case $1 in
  supervised) echo "supervised: ${supervised:-false}" ;;
  should_stop)
    truth taskd_should_stop
    echo "should_stop: $REPLY"
    ;;
  id) echo "id: ${TASKD_ID:-null}" ;;
  input) echo "input: $(taskd_input)" ;;
  resume) echo "resume: $(taskd_resume)" ;;
  remaining) echo "remaining: $(remaining)" ;;
  watchdog) echo "watchdog: $(taskd_watchdog_ms)" ;;
  avoids)
    truth taskd_avoids "$2"
    echo "avoids $2: $REPLY"
    ;;
  esac
}

wait_for() { while [ ! -e "$1" ]; do sleep 0.01; done; }
wait_for_stop() { while [ ! -e "$1" ] && ! taskd_should_stop; do sleep 0.01; done; }

units() {
  local unit
  for unit; do
    if taskd_should_stop; then break; fi
    taskd_begin "$unit" || break
    echo "unit $unit"
    while [ -n "${GATE-}" ] && [ -e "$GATE.$unit" ]; do sleep 0.01; done
    taskd_end "$unit"
  done
}

environment() {
  # shellcheck disable=SC2016 # expanded by that shell
  taskd_run sh -c 'if [ -n "${TASKD_FD+x}" ]; then echo "env: TASKD_FD"; else echo "env: -"; fi
    for fd in /proc/self/fd/*; do case $(readlink "$fd") in socket:*) open=1 ;; esac; done
    if [ "${open-}" ]; then echo "fd: open"; else echo "fd: closed"; fi'
}

for op; do
  IFS='|' read -r -d '' -a fields < <(printf '%s|\0' "$op") || :
  name=${fields[0]}
  set -- "${fields[@]:1}"
  case $name in
  ready | begin | begin_within | end | fail | progress | checkpoint | heartbeat | status | extend | log | result)
    "taskd_$name" "$@" || echo "$name: $TASKD_ERROR"
    ;;
  next) taskd_next || echo "next: stop" ;;
  wait) taskd_wait ;;
  touch) : >"$1" ;;
  await) wait_for "$1" ;;
  await_stop) wait_for_stop "$1" ;;
  units) units "$@" ;;
  raise) taskd_begin "$1" && taskd_end "$1" 1 ;;
  say) say "$@" ;;
  env) environment ;;
  print) echo "$1" ;;
  close) taskd_close ;;
  exit) exit "$1" ;;
  *)
    echo "conform: there is no operation $name" >&2
    exit 2
    ;;
  esac
done
taskd_close
