#!/usr/bin/env bash
# Builds Kubernetes from Debian's own source package, for tests against a real API server: no registry has to be
# reachable. Usage: build.sh [kube-apiserver] [kube-controller-manager] [kube-scheduler] [kubelet]; only the first when
# none is named. What is there already is not built again. The last line printed is the folder that holds the programs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib/say.sh

cache=${OPENSANDBOX_CACHE:-/var/cache/opensandbox}/kubernetes
[ $# -gt 0 ] || set -- kube-apiserver
for name in "$@"; do
  case $name in
    kube-apiserver | kube-controller-manager | kube-scheduler | kubelet) ;;
    *) die "unknown program '$name'." ;;
  esac
done

# missing NAME... : those that the cache has not.
missing() { for name in "$@"; do [ -x "$cache/$name" ] || printf '%s ' "$name"; done; }
[ -n "$(missing "$@")" ] || { echo "$cache"; exit 0; }
mkdir -p "$cache"
exec 9> "$cache/.lock"
# Two at a time would take the memory of both. Whoever waited finds what the other built.
flock 9
read -r -a wanted <<< "$(missing "$@")"
[ ${#wanted[@]} -gt 0 ] || { echo "$cache"; exit 0; }

need_packages dpkg-dev golang-go golang-github-modern-go-reflect2-dev
say "Building ${wanted[*]} from Debian's source package (takes minutes)"
work=$(mktemp -d /var/tmp/opensandbox-kubernetes.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# fetch_source : downloads the source package with package lists of its own, so that the machine's stay as they are.
fetch_source() {
  mkdir -p "$work/lists/partial" "$work/parts"
  local file options
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n 's/^deb\([[:blank:]]\)/deb-src\1/p' "$file" >> "$work/parts/source.list" || true
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" > "$work/parts/$(basename "$file")"
  done
  options=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts"
    -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update || echo "going on with the package lists that could be had"
  (cd "$work" && apt-get "${options[@]}" source --download-only kubernetes)
  tree=$work/go/src/k8s.io/kubernetes
  mkdir -p "$tree"
  tar -xzf "$work"/kubernetes_*.orig.tar.gz --strip-components=1 -C "$tree"
}

# generate_openapi : the API server's schema of its own types is generated, and no part of the source package.
generate_openapi() {
  local packages
  go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io pkg cmd vendor/k8s.io \
    | grep -v -e /testdata/ -e _test.go -e zz_generated -e gengo -e kube-openapi -e code-generator \
    | sed -e 's#^staging/src/#k8s.io/kubernetes/vendor/#' -e 's#^vendor/#k8s.io/kubernetes/vendor/#' \
      -e 's#^pkg/#k8s.io/kubernetes/pkg/#' -e 's#^cmd/#k8s.io/kubernetes/cmd/#' \
    | xargs -n1 dirname | sort -u | paste -sd,)
  "$work/openapi-gen" --logtostderr -i "$packages" -O zz_generated.openapi \
    -p k8s.io/kubernetes/pkg/generated/openapi -h hack/boilerplate/boilerplate.generatego.txt \
    -r "$work/violations.txt" > /dev/null
}

fetch_source
# The machine's own settings and toolchains stay out of it: Debian's compiler is the one that is known to work.
unset GOROOT GOFLAGS GOBIN
export PATH=/usr/lib/go/bin:$PATH GOPATH=$work/go GO111MODULE=off CGO_ENABLED=0 GOCACHE=$work/cache GOENV=off
cd "$tree"
# Version 1.0.1, which comes with the source, crashes with compilers newer than Go 1.17.
rm -rf vendor/github.com/modern-go/reflect2
cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/
generate_openapi
for name in "${wanted[@]}"; do
  go build -ldflags '-s -w' -o "$work/$name" "./cmd/$name"
  # In one step, for whoever looks without the lock.
  cp "$work/$name" "$cache/.$name"
  mv "$cache/.$name" "$cache/$name"
  echo "$name was built after $SECONDS s"
done
echo "$cache"
