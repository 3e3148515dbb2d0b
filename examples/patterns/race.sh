#!/bin/sh
# Races a task against a clock: whichever is first wins, and the loser is asked to stop.
#
#     examples/patterns/race.sh NAME 5s      beside a running `taskd run`
#
# `wait --timeout` alone never stops anything: it gives up waiting (exit status 124) and the task runs on. What then
# happens to the task is the caller's choice; here it may finish its unit.
set -u
name=${1:?usage: race.sh NAME TIME} limit=${2:?usage: race.sh NAME TIME}
${TASKD:-taskd} wait --timeout "$limit" "$name"
status=$?
if [ "$status" = 124 ]; then
  echo "$name is still at it after $limit: asking it to stop" >&2
  ${TASKD:-taskd} stop "$name" >&2
fi
exit "$status"
