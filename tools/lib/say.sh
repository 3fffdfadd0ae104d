# Sourced by the scripts of this folder: messages, and the few questions they all ask.

say() { printf '\n== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

is_debian_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

# need_packages NAME... : installs the Debian packages that are missing, or says which to install.
need_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  is_debian_root || die "these Debian packages are missing: ${missing[*]}. Install them, or run as root on Debian."
  say "Installing Debian packages: ${missing[*]}"
  # Once is enough. What fails here may be a source that has none of these packages.
  [ -n "${package_lists_are_new:-}" ] || apt-get update -qq || echo "going on with the package lists that are here"
  package_lists_are_new=yes
  # A machine that was just set up often upgrades itself in the background, and holds the lock meanwhile.
  local log
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
    "${missing[@]}" > "$log" 2>&1 || { tail -20 "$log" >&2; rm -f "$log"; die "apt-get could not install ${missing[*]}."; }
  rm -f "$log"
}

# need_idle_packages NAME... : the same for servers that only tests start, each by itself: installing them must not
# open ports on this machine. (policy-rc.d is Debian's way to say so; one that is there already stays.)
need_idle_packages() {
  local policy=/usr/sbin/policy-rc.d
  if ! is_debian_root || [ -e "$policy" ]; then need_packages "$@"; return; fi
  printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
  # In a process of its own: a failure ends it, and the policy must go all the same.
  local code=0
  (need_packages "$@") || code=$?
  rm -f "$policy"
  return "$code"
}

# engine_answers : true when a Docker engine answers where DOCKER_HOST (or the default socket) points.
engine_answers() { docker version >/dev/null 2>&1; }
