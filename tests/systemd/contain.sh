#!/usr/bin/env bash
# contain.sh STAGE: boots a real systemd that can neither see, signal nor change anything of the machine it runs on.
#
# STAGE is a folder with units/ (all the units there are), passwd and group; it appears as /run/stage and is the one place of the
# machine that stays writable. Needs root. What is held, and why:
#   - pid, mount, uts and ipc namespaces of its own, with the end of this script as the end of all in it;
#   - a cgroup of its own below the present one, then a cgroup namespace: a systemd that saw the real root of the tree would
#     move every process of the machine;
#   - every mount read-only, and /run, /tmp, /var/lib, /var/tmp and /dev replaced by empty ones; of the devices only the
#     harmless ones are there: no disk, no kernel log, no console;
#   - a search path for units without the distribution's, and no generators: those would mount disks and empty /tmp;
#   - a check of all this before systemd is started.
set -euo pipefail
stage=$(cd "$1" && pwd)

outside() { # in a mount namespace already, for a cgroup2 hierarchy of our own to look at
  mkdir "$stage/cgroup2"
  mount -t cgroup2 cgroup2 "$stage/cgroup2" || exit 77
  box=$(mktemp -d "$stage/cgroup2$(awk -F: '$1 == 0 { print $3 }' /proc/self/cgroup)/taskd-boot.XXXXXX") || exit 77
  chmod 755 "$box" # as the root of the tree is: users look for their own groups below it
  trap 'kill -KILL $booted' TERM INT HUP
  (
    echo "$BASHPID" >"$box/cgroup.procs"
    exec unshare --fork --kill-child --pid --mount --uts --ipc --cgroup --propagation private \
      env TASKD_BOOT=inside bash "$0" "$stage"
  ) &
  booted=$!
  status=0
  wait $booted || status=$?
  for _ in $(seq 100); do # it is empty only when the last process in it is gone
    find "$box" -depth -type d -exec rmdir {} + 2>/dev/null || :
    [ -d "$box" ] || exit $status
    sleep 0.05
  done
  echo "left behind: ${box##*/}" >&2
  exit 1
}

harmless_devices() { # a /dev with nothing in it that reaches the machine
  mkdir /run/dev
  mount -t tmpfs -o mode=755 tmpfs /run/dev
  for d in null zero full random urandom tty; do
    touch "/run/dev/$d"
    mount --bind "/dev/$d" "/run/dev/$d"
  done
  mkdir /run/dev/shm /run/dev/pts /run/dev/mqueue
  ln -s /proc/self/fd /run/dev/fd
  ln -s pts/ptmx /run/dev/ptmx # PrivateDevices= looks for it
  mount --move /run/dev /dev
}

everything_read_only() {
  mapfile -t mounts </proc/self/mountinfo
  for line in "${mounts[@]}"; do
    read -r _ _ _ _ where _ <<<"$line"
    where=$(printf '%b' "$where")
    [ "$where" = /run/stage ] || mount -o remount,bind,ro "$where" 2>/dev/null || :
  done
}

refuse() { echo "refusing to boot: $*" >&2; exit 99; }

held() {
  [ $$ = 1 ] || refuse "this is no pid namespace of its own"
  [ "$(find /proc -maxdepth 1 -name '[0-9]*' | wc -l)" -le 4 ] || refuse "it sees other processes"
  for d in / /etc /usr /home /root /var /sys /sys/kernel /proc/sys/kernel; do
    if touch "$d/.taskd-boot" 2>/dev/null; then refuse "$d is writable"; fi
  done
  for d in "$(dirname "$(readlink -f "$0")")" /sys/fs/cgroup; do
    if touch "$d/.taskd-boot" 2>/dev/null; then refuse "$d is writable"; fi
  done
  [ "$(awk -F: '$1 == 0 { print $3 }' /proc/self/cgroup)" = / ] || refuse "this is no cgroup namespace of its own"
  if [ -e /dev/kmsg ] || ls /dev/[sv]d? >/dev/null 2>&1; then refuse "it has real devices"; fi
}

inside() {
  mount -t proc proc /proc
  [ -d /sys/fs/cgroup ] || mount -t sysfs sysfs /sys
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/stage
  mount --bind "$stage" /run/stage
  harmless_devices
  mount --bind /run/stage/passwd /etc/passwd
  mount --bind /run/stage/group /etc/group
  everything_read_only
  mount -o remount,bind,ro /proc/sys 2>/dev/null || { mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; }
  if [ -e /proc/sysrq-trigger ]; then
    mount --bind /proc/sysrq-trigger /proc/sysrq-trigger
    mount -o remount,bind,ro /proc/sysrq-trigger
  fi
  held
  for d in /tmp /var/tmp /var/lib; do mount -t tmpfs -o mode=755 tmpfs $d; done
  chmod 1777 /tmp /var/tmp
  mount -o remount,bind,rw /run
  mount -o remount,bind,rw /dev
  mount -o remount,bind,rw /proc
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  cd /
  systemd=/lib/systemd/systemd
  [ -x $systemd ] || systemd=/usr/lib/systemd/systemd
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=taskd-boot SYSTEMD_UNIT_PATH=/run/stage/units \
    SYSTEMD_GENERATOR_PATH=/nonexistent SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nonexistent \
    "$systemd" --system --unit=boot.target --show-status=0 --log-target=null
}

case ${TASKD_BOOT:-} in
inside) inside ;;
mounts) outside ;;
*)
  [ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 77; }
  mountpoint -q / || { echo "needs a root folder that is a mount (a chroot's is none; tests/room.sh makes one)" >&2; exit 77; }
  exec unshare --mount --propagation private env TASKD_BOOT=mounts bash "$0" "$stage"
  ;;
esac
