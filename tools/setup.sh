#!/usr/bin/env bash
# Makes a machine ready for `npm run quickstart`: dependencies, build, a Docker engine and the demo image.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib/say.sh
. tools/lib/project.sh
. tools/lib/engine.sh

install_dependencies
build_project
start_engine .cache/quickstart-engine
if [ -z "${OPENSANDBOX_DEMO_IMAGE:-}" ] && ! has_image python:3.11-slim && ! has_image opensandbox-demo:latest; then
  say "Pulling the demo image python:3.11-slim"
  timeout 120 docker pull python:3.11-slim || { echo "it cannot be pulled here"; demo_image; }
fi
