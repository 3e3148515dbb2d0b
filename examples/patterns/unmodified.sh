#!/bin/sh
# A program that knows nothing of taskd: it is stopped by a signal, as by any other supervisor, and cleans up by itself.
#
#     taskd run --channel none -- examples/patterns/unmodified.sh
#
# and ^C: SIGTERM reaches the script, which ends with 0; exit status 130.
on_term() {
  echo "cleaning up"
  kill "$child" 2>/dev/null
  exit 0
}
child=
trap on_term TERM
echo "working"
sleep 3600 &
child=$!
wait "$child"
