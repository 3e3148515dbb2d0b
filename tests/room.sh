#!/bin/sh
# room.sh COMMAND…: runs COMMAND as it is where the machine has what the tests need: pseudo-terminals, and a root folder that every
# user may enter. Where it has not (a chroot of root's own, say), and root may arrange it, COMMAND sees the same files
# behind a root folder of its own, in a mount namespace that ends with it. The machine itself is not touched.
set -eu

fit() {
  case $(stat -c %a /) in *[1357]) ;; *) return 1 ;; esac
  python3 -c 'import os; os.openpty()' 2>/dev/null
}

if [ "${1:-}" = --inside ]; then
  root=$2
  shift 2
  mount -t tmpfs -o mode=755 taskd-tests "$root"
  # What is mounted from here on must stay here. In a chroot the root of all mounts is out of reach, and only a look tells.
  if grep -q " $root .* shared:" /proc/self/mountinfo; then
    umount "$root"
    echo "room.sh: mounts of this namespace reach others: the tests run as the machine is" >&2
    exec "$@"
  fi
  for entry in /* /.[!.]*; do
    name=$root/${entry#/}
    if [ -L "$entry" ]; then
      cp -P "$entry" "$name"
    elif [ -d "$entry" ]; then
      mkdir -p "$name"
      mount --rbind "$entry" "$name"
    fi
  done
  mkdir -p "$root/dev/pts"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
  mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx"
  # The folder as it is called inside, not as the namespace came into it.
  here=$PWD
  # shellcheck disable=SC2016 # expanded inside
  exec chroot "$root" sh -c 'cd "$1" && shift && exec "$@"' room "$here" "$@"
fi

if fit || [ "$(id -u)" != 0 ]; then
  exec "$@"
fi
root=$(mktemp -d "${TMPDIR:-/tmp}/taskd-room.XXXXXX")
status=0
propagation=private
unshare --mount --propagation private true 2>/dev/null || propagation=unchanged
unshare --mount --propagation "$propagation" "$0" --inside "$root" "$@" || status=$?
rmdir "$root"
exit "$status"
