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
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# engine_answers : true when a Docker engine answers where DOCKER_HOST (or the default socket) points.
engine_answers() { docker version >/dev/null 2>&1; }
