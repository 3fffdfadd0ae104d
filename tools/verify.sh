#!/usr/bin/env bash
# Sets up everything on a bare Debian machine and runs every check and every test. The last line is
# `N passed, N failed` over all of them; the exit code is 0 only when nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.."
. tools/lib/say.sh
. tools/lib/project.sh
. tools/lib/engine.sh

work=$(mktemp -d)
results=$work/results
mkdir -p "$results"
started=$SECONDS
is_set_up=
finish() {
  local code=$?
  stop_engine "$work/engine"
  rm -rf "$work"
  # The set-up is a precondition of every suite: without it there is nothing to count.
  if [ -z "$is_set_up" ]; then say "The set-up failed"; echo "0 passed, 1 failed"; fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Not in a function behind `if`: there, `set -e` has no effect.
set -e
install_dependencies
need_packages busybox-static debootstrap iproute2 qemu-user-static
need_idle_packages docker-registry
# What the Compose example is run with.
need_packages docker-compose
# The test of upgrades builds the previous commit.
need_packages git
# What the tests of the code interpreter run against.
need_idle_packages jupyter-server python3-ipykernel mariadb-server-core
# Stands for the mount programs of OSS: a real FUSE file system.
need_packages bindfs
# A runtime for sandboxes that is not the engine's own, and file systems with and without quotas.
need_packages runsc btrfs-progs xfsprogs e2fsprogs
# Opens apps in sandboxes as people do.
need_packages chromium
# Engines behind ssh and TLS, and Podman.
need_idle_packages openssh-server openssh-client openssl podman containernetworking-plugins runc
# Where gateways leave word that sandboxes are in use.
need_idle_packages redis-server
# A real API server of Kubernetes with its store. It takes minutes to build, once on a machine.
need_idle_packages etcd-server openssl
bash tools/kubernetes/build.sh
build_project
start_engine "$work/engine"
demo_image
busybox_image
set +e
is_set_up=yes

# check NAME COMMAND... : a check that counts as one test.
check() {
  local name=$1
  shift
  say "$name"
  if "$@"; then echo passed > "$results/$name.check"; else echo failed > "$results/$name.check"; fi
}
# suite NAME ARGS... : a vitest project; its own counts are added up.
suite() {
  local name=$1
  shift
  say "Tests: $name"
  npx vitest run --project "$name" --reporter=default --reporter=json --outputFile.json="$results/$name.json" "$@" \
    || echo "the suite $name did not pass"
}

check format npm run --silent format:check
check lint npm run --silent lint
check layers npm run --silent layers
check types npm run --silent types
check docs npm run --silent docs:check
suite unit --coverage
suite engine
suite system

say "Took $((SECONDS - started)) s"
npx tsx tools/verify-summary.ts "$results" unit engine system
