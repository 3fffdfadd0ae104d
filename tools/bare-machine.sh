#!/usr/bin/env bash
# Runs the commands of the README on a Debian 12 machine where nothing was installed: a fresh root directory with
# Node.js and a clone of the current commit, in namespaces of its own. Takes root, debootstrap, git, iproute2 and
# iptables. Usage: bare-machine.sh [quickstart] [verify]; both, each on a machine of its own, when none is named.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib/say.sh
. tools/lib/bare-root.sh
. tools/lib/bare-network.sh

is_debian_root || die "this takes root on Debian or Ubuntu."
need_packages debootstrap git iproute2 iptables
[ $# -gt 0 ] || set -- quickstart verify
for name in "$@"; do
  case $name in quickstart | verify) ;; *) die "unknown command '$name': name quickstart, verify or both." ;; esac
done

work=$(mktemp -d /var/tmp/opensandbox-bare.XXXXXX)
net=bare$$
inside=
clean_up() {
  if [ -n "$inside" ]; then
    # Nothing on the machine survives its first process, and that one's parent ends when all have ended.
    first=$(cat "/proc/$inside/task/$inside/children" 2>/dev/null || true)
    kill -KILL ${first:-"$inside"} 2>/dev/null || true
    wait "$inside" 2>/dev/null || true
  fi
  remove_network "$net"
  remove_control_groups "$work"
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

failed=0
# run_on_machine NAME : `npm run NAME` on a new machine. Sets `failed` where it ends with another code than 0.
run_on_machine() {
  local root=$work/$1 code=0 began=$SECONDS
  cp -a "$work/pristine" "$root"
  make_network "$net" "$root"
  say "npm run $1, on a bare machine"
  nsenter --net="/run/netns/$net" unshare --mount --pid --ipc --uts --fork --kill-child \
    bash "$root/root/bare-inside.sh" "$root" "$1" < /dev/null &
  inside=$!
  wait "$inside" || code=$?
  inside=
  say "npm run $1 ended with $code after $((SECONDS - began)) s; received $(received_mebibytes "$net") MiB"
  remove_network "$net"
  remove_control_groups "$work"
  rm -rf --one-file-system "$root"
  [ "$code" = 0 ] || failed=1
}

make_root "$work/pristine"
for name in "$@"; do run_on_machine "$name"; done
exit "$failed"
