# taskd.sh: makes a bash script a cooperative worker of taskd(1). To be sourced by bash 4.4 or later; see README.md.
# shellcheck shell=bash
#
#     . taskd.sh
#     taskd_ready
#     while ! taskd_should_stop && job=$(next_job); do      # a stop wins here ...
#       taskd_begin "$job" || break
#       resize "$job"                                       # ... and never in here
#       taskd_end "$job" $?
#     done
#     taskd_result null
#
# Run by hand (no TASKD_FD in the environment) the same script works alone: every function succeeds and does nothing.
# A function that fails returns 1 and leaves the reason in TASKD_ERROR: EBADF, ECANCELED, EPIPE, EMSGSIZE, EINVAL.
# Every function may be called in a subshell, too: ( ... ), $( ... ), a loop behind a pipe, a job in the background.
# A subshell reads nothing, since what it has read its parent would never see; that there is something to read is
# enough, for after its hello taskd says nothing unasked but to stop (or that a message was wrong: mend the script).
# Names that begin with _taskd are private.

# Sourced again, by a file that the script sources, it goes on as it is; $$ is the same in subshells.
if [ "${_taskd_loaded-}" = "$$" ]; then return 0; fi
_taskd_loaded=$$

# shellcheck disable=SC2034 # TASKD_ERROR is for the script
TASKD_ERROR='' _taskd_fd='' _taskd_stop='' _taskd_hello='' _taskd_drained='' _taskd_deadline=-1 _taskd_max=65536
_taskd_shell='' _taskd_trapped=''

# --- small things -----------------------------------------------------------------------------------------------------

_taskd_fail() { # REASON
  # shellcheck disable=SC2034
  TASKD_ERROR=$1
  return 1
}

_taskd_now() { # milliseconds, in REPLY
  local t=${EPOCHREALTIME-}
  if [ -n "$t" ]; then
    t=${t/[.,]/}
    REPLY=${t%???}
  else
    REPLY=$((SECONDS * 1000))
  fi
}

# Valid UTF-8 by RFC 3629, from the beginning of a text of bytes.
_taskd_utf8=$'^([\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf][\x80-\xbf]|[\xf1-\xf3][\x80-\xbf][\x80-\xbf][\x80-\xbf]|\xf4[\x80-\x8f][\x80-\xbf][\x80-\xbf])+'

_taskd_clean() { # TEXT: in REPLY, with U+FFFD for every byte that is not UTF-8
  local LC_ALL=C s=$1 out=''
  while [ -n "$s" ]; do
    if [[ $s =~ $_taskd_utf8 ]]; then
      out+=${BASH_REMATCH[0]}
      s=${s#"${BASH_REMATCH[0]}"}
    else
      out+=$'\xef\xbf\xbd'
      s=${s:1}
    fi
  done
  REPLY=$out
}

_taskd_quote() { # TEXT: a JSON string, in REPLY, written as taskd itself would
  local LC_ALL=C s=$1 i c code
  if [[ $s == *[!\ -~]* ]]; then
    _taskd_clean "$s"
    s=$REPLY
  fi
  s=${s//\\/\\\\}
  s=${s//\"/\\\"}
  if [[ $s == *[$'\x01'-$'\x1f']* ]]; then
    s=${s//$'\n'/\\n} s=${s//$'\t'/\\t} s=${s//$'\r'/\\r} s=${s//$'\b'/\\b} s=${s//$'\f'/\\f}
    for ((i = 1; i < 32; i++)); do
      printf -v code '\\u%04X' "$i"
      printf -v c '\\x%x' "$i"
      printf -v c %b "$c"
      s=${s//"$c"/$code}
    done
  fi
  REPLY="\"$s\""
}

# --- JSON that others have written ------------------------------------------------------------------------------------

# The text with \1 for each string, \2 for each other scalar, which it has not had, and no space between them. A space between
# two scalars is one too many, so it goes last.
_taskd_skeleton() { # TEXT: in REPLY; extglob is on
  local LC_ALL=C t=$1 h='[0-9a-fA-F]' plain pair string real
  plain="@([1-9a-cA-CefEF]$h$h$h|0@([1-9a-fA-F]$h$h|0@([1-9a-fA-F]$h|0[1-9a-fA-F]))|[dD][0-7]$h$h)" # no NUL, no half of a pair
  pair="[dD][89abAB]$h$h\\\\u[dD][c-fC-F]$h$h"
  string="\"*([!\"\\\\"$'\t\n\r'"]|\\\\@([\"\\\\/bfnrt]|u@($plain|$pair)))\""
  real='?(-)@(0|[1-9]*([0-9]))@(.+([0-9])?([eE]?([-+])+([0-9]))|[eE]?([-+])+([0-9]))'
  # shellcheck disable=SC2295 # patterns, not texts
  t=${t//$string/$'\1'} t=${t//@(true|false|null|$real)/$'\2'}
  if [[ $t =~ [0-9]{19} ]]; then t=''; fi # more than taskd's 64 bits, perhaps
  # shellcheck disable=SC2295
  t=${t//?(-)@(0|[1-9]*([0-9]))/$'\2'}
  REPLY=${t//[$' \t\r\n']/}
}

_taskd_depth() { # SKELETON: how deep it is nested, in REPLY
  local brackets=${1//[!][{\}]/} i depth=0 deepest=0
  for ((i = 0; i < ${#brackets}; i++)); do
    case ${brackets:i:1} in
    "[" | "{") depth=$((depth + 1)) ;;
    *) depth=$((depth - 1)) ;;
    esac
    if ((depth > deepest)); then deepest=$depth; fi
  done
  REPLY=$deepest
}

# The innermost lists and objects become scalars until only one is left, or something that is none.
_taskd_is_json_here() { # TEXT; extglob is on
  local t before any=$'[\1\2]' string=$'\1' list object
  list="\[?($any*(,$any))\]" object="{?($string:$any*(,$string:$any))}"
  _taskd_skeleton "$1"
  t=$REPLY
  _taskd_depth "$t"
  if ((REPLY > 15)); then return 1; fi
  before=''
  while [ "$t" != "$before" ]; do
    before=$t
    # shellcheck disable=SC2295
    t=${t//$list/$'\2'}
    # shellcheck disable=SC2295
    t=${t//$object/$'\2'}
  done
  [[ $t == [$'\1\2'] ]]
}

_taskd_is_json() { # TEXT
  local LC_ALL=C status=0 was=-u
  if [[ ! $1 =~ ${_taskd_utf8}$ || $1 == *[$'\x01'-$'\x08\x0b\x0c\x0e'-$'\x1f']* ]]; then return 1; fi
  if shopt -q extglob; then was=-s; fi
  shopt -s extglob
  _taskd_is_json_here "$1" || status=1
  shopt $was extglob
  return $status
}

_taskd_value='^(\"([^\"\\]|\\.)*\"|[^][{}\",: ]+)'

# One JSON value at the beginning of the text: the value in REPLY, what follows it in _taskd_rest.
_taskd_take() { # TEXT
  local s=$1 depth=0 at
  REPLY=''
  while [ -n "$s" ]; do
    if [[ $s =~ $_taskd_value ]]; then
      at=${BASH_REMATCH[0]}
    else
      at=${s:0:1}
      case $at in
      "[" | "{") depth=$((depth + 1)) ;;
      ]|'}') depth=$((depth - 1)) ;;
      esac
    fi
    REPLY+=$at
    s=${s:${#at}}
    if ((depth == 0)); then break; fi
  done
  _taskd_rest=$s
}

_taskd_member() { # OBJECT KEY: the member's JSON text in REPLY; 1 when there is none
  local LC_ALL=C s=${1:1} key
  while [ -n "$s" ] && [ "$s" != '}' ]; do
    _taskd_take "$s"
    key=$REPLY
    _taskd_take "${_taskd_rest:1}"
    if [ "$key" = "\"$2\"" ]; then return 0; fi
    s=${_taskd_rest:1}
  done
  REPLY=''
  return 1
}

# --- the conversation -------------------------------------------------------------------------------------------------

_taskd_send() { # JSON
  if [ -z "$_taskd_fd" ]; then return 0; fi
  local LC_ALL=C
  if [ "$_taskd_stop" = gone ]; then _taskd_fail EPIPE || return 1; fi
  if ((${#1} > _taskd_max)); then _taskd_fail EMSGSIZE || return 1; fi
  _taskd_catch_pipe
  { printf '%s\n' "$1" >&"$_taskd_fd"; } 2>/dev/null || {
    _taskd_stopped gone
    _taskd_fail EPIPE
  }
}

# A handler, so that children have the default again, which a subshell has, too. A script's own is left alone.
_taskd_catch_pipe() {
  if [ "$_taskd_trapped" = "$BASHPID" ]; then return 0; fi
  _taskd_trapped=$BASHPID
  if [ "$BASHPID" != "$_taskd_shell" ] || [ -z "$(trap -p PIPE)" ]; then trap : PIPE; fi
}

_taskd_is_own() { [ "$BASHPID" = "$_taskd_shell" ]; } # and no subshell of it

_taskd_stopped() { # how: asked, gone
  local before=$_taskd_stop
  _taskd_stop=$1
  if [ -z "$before" ] && [ "$1" = asked ] && _taskd_is_own; then _taskd_send '{"type":"stopping"}' || :; fi
}

_taskd_grace() { # MILLISECONDS
  if (($1 < 0)); then
    _taskd_deadline=none
  else
    _taskd_now
    _taskd_deadline=$((REPLY + $1))
  fi
}

_taskd_obey() { # a line from taskd
  case $1 in
  '{"type":"stop"'*)
    if _taskd_member "$1" grace_ms; then _taskd_grace "$REPLY"; fi
    _taskd_stopped asked
    ;;
  '{"type":"hello"'*)
    _taskd_hello=$1
    if _taskd_member "$1" max_message; then _taskd_max=$REPLY; fi
    ;;
  '{"type":"extended"'*)
    if _taskd_member "$1" granted_ms; then _taskd_grace "$REPLY"; fi
    ;;
  '{"type":"drain"'*) _taskd_drained=1 ;;
  '{"type":"unit"'*) # nobody asked for it any more
    if _taskd_member "$1" unit; then _taskd_send "{\"type\":\"release\",\"unit\":$REPLY}" || :; fi
    ;;
  esac
}

_taskd_read_line() { # waits for one, and obeys it; 1 when taskd is gone
  local line
  if { IFS= read -r line <&"$_taskd_fd"; } 2>/dev/null; then
    _taskd_obey "$line"
  else
    _taskd_stopped gone
    return 1
  fi
}

_taskd_can_read() { [ -n "$_taskd_fd" ] && [ "$_taskd_stop" != gone ] && read -r -t 0 <&"$_taskd_fd"; }

_taskd_poll() { # what is there, without waiting
  while _taskd_can_read; do
    if _taskd_is_own; then
      _taskd_read_line || return 0
    else
      _taskd_overhear
      return 0
    fi
  done
}

_taskd_overhear() { # in a subshell
  if [ -n "$_taskd_stop" ]; then return 0; fi
  _taskd_grace "${TASKD_GRACE_MS:--1}"
  _taskd_stopped asked
}

# --- what a worker calls ----------------------------------------------------------------------------------------------

# Called by sourcing this file. Waits for taskd's answer: until taskd knows that this script speaks, a stop is also a
# signal.
taskd_open() {
  if [ -z "${TASKD_FD+x}" ]; then return 0; fi
  if [[ $TASKD_FD != +([0-9]) ]] || [ ! -S "/proc/self/fd/$TASKD_FD" ]; then _taskd_fail EBADF || return 1; fi
  exec {_taskd_fd}<&"$TASKD_FD" {TASKD_FD}<&-
  unset TASKD_FD
  _taskd_shell=$BASHPID
  _taskd_send '{"type":"hello","v":1,"sdk":"shell"}' || return 0
  while [ -z "$_taskd_hello$_taskd_stop" ]; do
    _taskd_read_line || return 0
  done
}

taskd_close() {
  if [ -n "$_taskd_fd" ]; then exec {_taskd_fd}<&-; fi
  _taskd_fd=''
}

# Has a stop been asked for? Once true, always true.
taskd_should_stop() {
  _taskd_poll
  [ -n "$_taskd_stop" ]
}

# Waits for the stop.
taskd_wait() {
  while ! taskd_should_stop && [ -n "$_taskd_fd" ]; do
    if _taskd_is_own; then _taskd_read_line || return 0; else sleep 0.1; fi
  done
}

# Prints the milliseconds until this process is killed; -1: no stop was asked for; 9223372036854775807: no deadline.
taskd_remaining_ms() {
  local now
  _taskd_poll
  _taskd_now
  now=$REPLY
  case $_taskd_deadline in
  -1) echo -1 ;;
  none) echo 9223372036854775807 ;;
  *) echo $((_taskd_deadline > now ? _taskd_deadline - now : 0)) ;;
  esac
}

_taskd_print_member() { # KEY
  if [ -n "$_taskd_hello" ] && _taskd_member "$_taskd_hello" "$1"; then printf '%s\n' "$REPLY"; else echo null; fi
}
taskd_input() { _taskd_print_member input; }
taskd_resume() { _taskd_print_member resume; }

# Has this unit been in flight at so many deaths of the worker that it is better left alone?
taskd_avoids() { # UNIT
  local LC_ALL=C list
  if [ -z "$_taskd_hello" ] || ! _taskd_member "$_taskd_hello" avoid; then return 1; fi
  list=",${REPLY:1:${#REPLY}-2},"
  _taskd_quote "$1"
  [[ $list == *",$REPLY,"* ]]
}

# Prints how long this worker may say nothing, -1: as long as it likes.
taskd_watchdog_ms() { echo "${TASKD_WATCHDOG_MS:--1}"; }

taskd_ready() { _taskd_send '{"type":"ready"}'; }
taskd_heartbeat() { _taskd_send '{"type":"heartbeat"}'; }

_taskd_begin() { # UNIT MORE
  if [ -n "$_taskd_stop" ]; then _taskd_fail ECANCELED || return 1; fi
  _taskd_quote "$1"
  _taskd_send "{\"type\":\"begin\",\"unit\":$REPLY$2}"
}
taskd_begin() { _taskd_begin "$1" ''; }                                # UNIT
taskd_begin_within() { _taskd_begin "$1" ",\"timeout_ms\":$(($2))"; } # UNIT MILLISECONDS

taskd_progress() { # UNIT DONE TOTAL [WORDS]; -1: unknown
  local message
  _taskd_quote "$1"
  message="{\"type\":\"progress\",\"unit\":$REPLY"
  if (($2 >= 0)); then message+=",\"done\":$2"; fi
  if (($3 >= 0)); then message+=",\"total\":$3"; fi
  if [ -n "${4-}" ]; then
    _taskd_quote "$4"
    message+=",\"msg\":$REPLY"
  fi
  _taskd_send "$message}"
}

taskd_checkpoint() { # UNIT JSON
  if ! _taskd_is_json "$2"; then _taskd_fail EINVAL || return 1; fi
  _taskd_quote "$1"
  _taskd_send "{\"type\":\"progress\",\"unit\":$REPLY,\"resume\":$2}"
}

taskd_end() { # UNIT [STATUS]: one that is not 0 is a failure
  if ((${2:-0})); then
    taskd_fail "$1" exit "exit status $2" false
  else
    _taskd_quote "$1"
    _taskd_send "{\"type\":\"end\",\"unit\":$REPLY,\"ok\":true}"
  fi
}

taskd_fail() { # UNIT TYPE WORDS [true|false: may another try help?]
  local unit type
  _taskd_quote "$1"
  unit=$REPLY
  _taskd_quote "$2"
  type=$REPLY
  _taskd_quote "${3:0:2047}"
  _taskd_send "{\"type\":\"end\",\"unit\":$unit,\"ok\":false,\"error\":{\"type\":$type,\"message\":$REPLY,\"retry\":${4:-false}}}"
}

taskd_status() { # WORDS
  _taskd_quote "$1"
  _taskd_send "{\"type\":\"status\",\"text\":$REPLY}"
}

taskd_extend() { _taskd_send "{\"type\":\"extend\",\"ms\":$(($1))}"; } # MILLISECONDS

taskd_log() { # LEVEL as in syslog(3): 3 error, 4 warning, 6 info, 7 debug; WORDS
  local levels=(emerg alert crit err warning notice info debug)
  _taskd_quote "$2"
  _taskd_send "{\"type\":\"log\",\"level\":\"${levels[$1]}\",\"msg\":$REPLY}"
}

taskd_result() { # JSON [true|false: was everything done? Unless a stop was seen, it was]
  local complete=${2-}
  if ! _taskd_is_json "$1"; then _taskd_fail EINVAL || return 1; fi
  if [ -z "$complete" ]; then
    if taskd_should_stop; then complete=false; else complete=true; fi
  fi
  _taskd_send "{\"type\":\"result\",\"value\":$1,\"complete\":$complete}"
}

# Waits for a unit that taskd hands out: TASKD_UNIT and TASKD_DATA. 1: a stop, or there are no more. Not in a subshell.
taskd_next() {
  if [ -n "$_taskd_fd" ] && ! _taskd_is_own; then _taskd_fail EINVAL || return 1; fi
  _taskd_drained=''
  if [ -z "$_taskd_fd" ] || taskd_should_stop || ! _taskd_send '{"type":"next","slots":1}'; then return 1; fi
  while [ -z "$_taskd_drained$_taskd_stop" ]; do
    _taskd_read_line || return 1
  done
  return 1 # taskd hands out none yet
}

# Runs a command without the channel: what outlives this script must not hold it.
taskd_run() { # COMMAND [ARGUMENT...]
  if [ -n "$_taskd_fd" ]; then "$@" {_taskd_fd}<&-; else "$@"; fi
}

taskd_open
