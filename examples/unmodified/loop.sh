#!/bin/bash
# A loop that finishes what it is at when it is told to stop. bash runs the trap when the program in the foreground has ended, and
# only bash has got the signal.
trap 'stopping=1' TERM
stopping=
for n in $(seq "${1:-1000000}"); do
  echo "begins $n"
  sleep "${2:-1}"
  echo "has done $n"
  if [ -n "$stopping" ]; then break; fi
done
