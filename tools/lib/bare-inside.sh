#!/usr/bin/env bash
# The first process of a bare machine, in fresh namespaces. `bare-inside.sh ROOT COMMAND` makes ROOT the root
# directory and goes on there as `bare-inside.sh COMMAND`: runs it, and lists what it left running or mounted.
set -euo pipefail

enter() {
  local variables=() name
  for name in http_proxy https_proxy no_proxy; do
    if [ -n "${!name:-}" ]; then variables+=("$name=${!name}"); fi
  done
  mount --bind "$1" "$1"
  cd "$1"
  if [ -d root/contract ]; then variables+=(CONTRACT_DIR=/root/contract); fi
  if [ -f etc/ssl/certs/ca-certificates.crt ]; then
    variables+=(NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)
  fi
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount --rbind /sys/fs/cgroup sys/fs/cgroup
  mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
  mount -t tmpfs tmpfs dev/shm
  mount -t tmpfs tmpfs run
  mkdir old
  # chroot would not do: the engine's containers cannot pivot away from a root that is no mount.
  pivot_root . old
  umount -l /old
  rmdir /old
  hostname bare
  exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    ${variables[@]+"${variables[@]}"} bash /root/bare-inside.sh "$2"
}

processes() {
  local place
  for place in /proc/[0-9]*; do
    case ${place#/proc/} in 1 | "$BASHPID") continue ;; esac
    [ ! -s "$place/cmdline" ] || printf '  %s %s\n' "${place#/proc/}" "$(tr '\0' ' ' < "$place/cmdline" | cut -c1-150)"
  done 2>/dev/null
}

mounts() { cut -d' ' -f5 /proc/self/mountinfo | sort; }

stop_quickstart_engine() {
  local pid
  pid=$(cat .cache/quickstart-engine/dockerd.pid 2>/dev/null) || return 0
  printf 'containers left: %s\n' "$(docker ps --all --quiet | wc -l)"
  kill "$pid"
  while [ -e "/proc/$pid" ]; do sleep 0.2; done
}

[ $# = 1 ] || enter "$1" "$2"
cd /root/opensandbox
mounts > /run/mounts-before
code=0
npm run "$1" < /dev/null || code=$?
stop_quickstart_engine
left=$(processes)
printf 'processes left: %s\n' "${left:-none}"
printf 'mounts left: %s\n' "$(mounts | comm -13 /run/mounts-before - | xargs)"
printf 'network links left: %s\n' "$(ls /sys/class/net | grep -vxE 'lo|eth0' | xargs)"
[ -z "$left" ] || [ "$code" != 0 ] || code=1
exit "$code"
