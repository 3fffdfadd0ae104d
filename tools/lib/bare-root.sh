# Sourced by bare-machine.sh: what is on a bare machine before anything of ours ran.

# make_root DIR : Debian's smallest system, this machine's Node.js and a clone of the current commit.
make_root() {
  local root=$1
  say "Making a bare Debian root"
  debootstrap --variant=minbase bookworm "$root" > "$root.log" 2>&1 || { tail -20 "$root.log" >&2; die "debootstrap failed."; }
  printf '127.0.0.1 localhost\n' > "$root/etc/hosts"
  copy_node "$root/usr/local"
  copy_network_settings "$root"
  git clone --quiet --no-hardlinks . "$root/root/opensandbox"
  cp tools/lib/bare-inside.sh "$root/root/"
  if [ -n "${CONTRACT_DIR:-}" ]; then cp -rL "$CONTRACT_DIR" "$root/root/contract"; fi
}

# copy_node PREFIX : as the archive of nodejs.org lays it out.
copy_node() {
  local from
  from=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  [ -f "$from/lib/node_modules/npm/package.json" ] || die "npm is not beside node, in $from/lib/node_modules."
  mkdir -p "$1/bin" "$1/lib/node_modules" "$1/include"
  cp "$from/bin/node" "$1/bin/"
  cp -r "$from/lib/node_modules/npm" "$1/lib/node_modules/"
  if [ -d "$from/include/node" ]; then cp -r "$from/include/node" "$1/include/"; fi
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/bin/npx"
}

# copy_network_settings ROOT : how apt and npm reach their mirrors from here. No credentials are among it.
copy_network_settings() {
  local bundle=/etc/ssl/certs/ca-certificates.crt key value
  apt-config dump | grep -E '^Acquire::(http|https|Check|Retries|ForceIPv)' > "$1/etc/apt/apt.conf.d/90machine" || true
  cp -r /usr/local/share/ca-certificates "$1/usr/local/share/" 2>/dev/null || true
  if [ -f "$bundle" ]; then
    mkdir -p "$1/etc/ssl/certs"
    cp "$bundle" "$1$bundle"
    printf 'cafile=%s\n' "$bundle" > "$1/root/.npmrc"
  fi
  for key in registry proxy https-proxy noproxy; do
    value=$(npm config get "$key" 2>/dev/null)
    case $value in '' | null | undefined) ;; *) printf '%s=%s\n' "$key" "$value" >> "$1/root/.npmrc" ;; esac
  done
}

# remove_control_groups WORK : control groups are this machine's own, and an engine that was killed leaves some.
remove_control_groups() {
  local place
  for place in "$1"/*/var/lib/docker/containers/*; do
    [ -d "$place" ] || continue
    find /sys/fs/cgroup -depth -type d -path "*/${place##*/}*" -exec rmdir {} + 2>/dev/null || true
  done
}
