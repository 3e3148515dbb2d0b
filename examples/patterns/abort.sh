#!/bin/sh
# Ends a task at once, in the middle of its unit, and shows what is then known of it.
#
#     examples/patterns/abort.sh NAME        beside a running `taskd run`
#
# The record says "cancelled", "how": "aborted", and names the unit whose effect is unknown. A worker that had ended first
# is "ok" all the same: the record states what happened, not what was asked for. Exit status 137.
set -u
name=${1:?usage: abort.sh NAME}
handle=$(${TASKD:-taskd} status --json "$name" | grep -o '"handle": *"[^"]*"' | head -n 1 | cut -d'"' -f4)
${TASKD:-taskd} abort "$name" >&2
${TASKD:-taskd} wait "${handle:-$name}"
