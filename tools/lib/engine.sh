# Sourced: finds a Docker engine or starts one, and makes the images that need no registry.

# start_engine DIR : uses the engine that answers; otherwise installs Debian's and starts it. A daemon of its own it
# records in DIR/dockerd.pid, for stop_engine; a service goes on running.
start_engine() {
  local dir=$1
  command -v docker >/dev/null && engine_answers && return 0
  for socket in /var/run/docker.sock "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock" "${HOME:-/nonexistent}/.docker/run/docker.sock"; do
    [ -z "${DOCKER_HOST:-}" ] && [ -S "$socket" ] || continue
    DOCKER_HOST=unix://$socket docker version >/dev/null 2>&1 || continue
    export DOCKER_HOST=unix://$socket
    return 0
  done
  [ -z "${DOCKER_HOST:-}" ] || die "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST. Start it, or unset DOCKER_HOST."
  is_debian_root || die "no Docker engine answers. Start one, or run as root on Debian or Ubuntu to have one installed."
  say "No Docker engine answers: installing and starting Debian's"
  need_packages docker.io iptables
  # Newer releases have the command in a package of its own.
  command -v docker >/dev/null || need_packages docker-cli
  if [ -d /run/systemd/system ]; then start_engine_service; else start_engine_daemon "$dir"; fi
}

# Where systemd runs, the package starts its service: a daemon beside it would end at the lock of the first.
start_engine_service() {
  systemctl start docker || die "the Docker engine did not start: see journalctl -u docker"
  engine_answers || die "the service docker runs, but does not answer at /var/run/docker.sock."
  echo "started as a service; it goes on running until: systemctl stop docker.socket docker"
}

start_engine_daemon() {
  local dir=$1 pid
  mkdir -p "$dir"
  setsid dockerd > "$dir/dockerd.log" 2>&1 < /dev/null &
  pid=$!
  echo "$pid" > "$dir/dockerd.pid"
  for _ in $(seq 1 120); do
    kill -0 "$pid" 2>/dev/null || break
    engine_answers && { settle_bridge; echo "started; it goes on running until: kill $pid"; return 0; }
    sleep 0.5
  done
  tail -20 "$dir/dockerd.log" >&2
  stop_engine "$dir"
  die "the Docker engine did not start; its log is $dir/dockerd.log"
}

# A bridge whose address was never set takes that of a container, and traffic stalls when that container goes. The
# engine gives no container this one: it would belong to the bridge's own IP address.
settle_bridge() {
  local bridge=/sys/class/net/docker0
  [ -e "$bridge/addr_assign_type" ] && [ "$(cat "$bridge/addr_assign_type")" != 3 ] || return 0
  ip link set docker0 address 02:42:ac:11:00:01 || true
}

# stop_engine DIR : stops what start_engine started, by its process id.
stop_engine() {
  local pid
  [ -f "$1/dockerd.pid" ] || return 0
  pid=$(cat "$1/dockerd.pid")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 1 60); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
  rm -f "$1/dockerd.pid"
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# demo_image : Debian with Python, made from Debian packages alone.
demo_image() {
  has_image opensandbox-demo:latest && return 0
  need_packages debootstrap
  say "Making the demo image from Debian packages (about a minute)"
  local root
  root=$(mktemp -d)
  debootstrap --variant=minbase --include=python3,curl,procps,ca-certificates,iproute2 bookworm "$root/rootfs" \
    | sed -u -n 's/^I: \(Retrieving\|Extracting\|Configuring\) .*/./p' | tr -d '\n'
  echo
  rm -rf "$root"/rootfs/var/cache/apt/archives/*.deb "$root"/rootfs/var/lib/apt/lists/*
  tar -C "$root/rootfs" -c . | docker import - opensandbox-demo:latest >/dev/null
  rm -rf "$root"
}

# busybox_image : one static binary and its links, no C library at all.
busybox_image() {
  has_image opensandbox-test/busybox:latest && return 0
  need_packages busybox-static
  local root
  root=$(mktemp -d)
  mkdir -p "$root/bin" "$root/etc" && install -d -m 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
  done
  tar -C "$root" -c . | docker import - opensandbox-test/busybox:latest >/dev/null
  rm -rf "$root"
}
