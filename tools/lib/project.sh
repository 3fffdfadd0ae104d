# Sourced: installs the npm dependencies and builds, each only when it is not up to date.

install_dependencies() {
  node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)' \
    || die "Node.js 20.19 or newer is needed, this is $(node --version)."
  local want
  want=$(sha256sum package-lock.json | cut -d' ' -f1)-$(node -p process.versions.modules)
  [ "$(cat node_modules/.installed 2>/dev/null || true)" = "$want" ] && return 0
  # better-sqlite3 compiles when no prebuilt binary can be had: that takes a compiler and Node's own headers.
  command -v g++ >/dev/null && command -v make >/dev/null && command -v python3 >/dev/null \
    || need_packages g++ make python3
  local prefix
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  if [ -f "$prefix/include/node/node.h" ]; then export npm_config_nodedir="$prefix"; fi
  say "Installing npm dependencies"
  npm ci --loglevel=error --no-fund --no-audit
  echo "$want" > node_modules/.installed
}

build_project() {
  say "Building the server and the in-sandbox agent"
  npm run --silent build
}
