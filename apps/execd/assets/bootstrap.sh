#!/bin/sh
# First process of a sandbox: starts the agent beside the user's command and lives as long as that command.
#
# Runs under dash, busybox ash and bash, in any image, as any user, with /opt/opensandbox writable or not.
# The agent is wanted early: before it starts nothing is forked that is not needed.

HOME_DIR=/opt/opensandbox
# What is written at run time; the names in HOME_DIR lead here where HOME_DIR itself cannot be written.
RUNTIME_DIR=/tmp/.opensandbox
CA_CERT=$HOME_DIR/mitmproxy-ca-cert.pem
CA_BUNDLE=$HOME_DIR/merged-ca-certificates.pem
CA_WAIT_SECONDS=300

say() {
  echo "[bootstrap] $*"
}

warn() {
  echo "[bootstrap] warning: $*" >&2
}

# --- life and death of the user's command ---------------------------------------------------------

child=
terminated=

on_term() {
  terminated=1
  if [ -z "$child" ]; then exit 0; fi
  kill -TERM "$child" 2>/dev/null
}

on_int() {
  if [ -z "$child" ]; then exit 130; fi
  kill -INT "$child" 2>/dev/null
}

# Waits for the command however many signals interrupt the waiting, and ends with its status.
# While it waits, the shell also reaps the orphans that the kernel hands to the first process.
await_child() {
  status=0
  wait "$child" || status=$?
  while kill -0 "$child" 2>/dev/null; do
    status=0
    wait "$child" || status=$?
  done
  if [ -n "$terminated" ]; then exit 0; fi
  exit "$status"
}

# --- trust in the egress proxy's certificate ------------------------------------------------------

as_root() {
  if [ -w /etc ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

await_ca() {
  waited=0
  while [ ! -s "$CA_CERT" ]; do
    if [ "$waited" -ge "$CA_WAIT_SECONDS" ]; then
      warn "no $CA_CERT after $CA_WAIT_SECONDS seconds; going on without it"
      return 1
    fi
    sleep 1
    waited=$((waited + 1))
  done
}

trust_system_wide() {
  if command -v update-ca-certificates >/dev/null 2>&1; then
    as_root mkdir -p /usr/local/share/ca-certificates &&
      as_root cp "$CA_CERT" /usr/local/share/ca-certificates/opensandbox-mitmproxy-ca.crt &&
      as_root update-ca-certificates
  elif command -v update-ca-trust >/dev/null 2>&1; then
    as_root mkdir -p /etc/pki/ca-trust/source/anchors &&
      as_root cp "$CA_CERT" /etc/pki/ca-trust/source/anchors/opensandbox-mitmproxy-ca.pem &&
      as_root update-ca-trust
  else
    return 0
  fi
}

# Prints the first bundle of well-known authorities there is.
system_bundle() {
  for python in python3 python; do
    bundle=$("$python" -c 'import certifi; print(certifi.where())' 2>/dev/null)
    if [ -n "$bundle" ] && [ -r "$bundle" ]; then
      echo "$bundle"
      return 0
    fi
  done
  for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem \
    /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem; do
    if [ -r "$bundle" ]; then
      echo "$bundle"
      return 0
    fi
  done
  return 1
}

write_bundle() {
  [ -d "$RUNTIME_DIR" ] || mkdir -p "$RUNTIME_DIR" 2>/dev/null
  bundle=$(system_bundle) || return 1
  { cat "$bundle" && echo && cat "$CA_CERT"; } 2>/dev/null >"$CA_BUNDLE.new" &&
    mv -f "$CA_BUNDLE.new" "$CA_BUNDLE" 2>/dev/null && return 0
  # HOME_DIR is read-only: its name for the bundle leads to the runtime directory.
  { cat "$bundle" && echo && cat "$CA_CERT"; } 2>/dev/null >"$CA_BUNDLE"
}

trust_in_nss() {
  if [ -z "${HOME-}" ] || ! command -v certutil >/dev/null 2>&1; then return 0; fi
  database=$HOME/.pki/nssdb
  if [ ! -d "$database" ]; then
    mkdir -p "$database" && certutil -N --empty-password -d "sql:$database" || return 1
  fi
  certutil -D -n opensandbox-mitmproxy -d "sql:$database" >/dev/null 2>&1
  certutil -A -n opensandbox-mitmproxy -t 'C,,' -i "$CA_CERT" -d "sql:$database"
}

trust_proxy_certificate() {
  await_ca || return 0
  trust_system_wide >/dev/null 2>&1 || warn "the system's trust store was not updated"
  NODE_EXTRA_CA_CERTS=$CA_CERT
  if write_bundle; then
    REQUESTS_CA_BUNDLE=$CA_BUNDLE
  else
    warn "no bundle of well-known authorities was found; trusting $CA_CERT alone"
    REQUESTS_CA_BUNDLE=$CA_CERT
  fi
  SSL_CERT_FILE=$REQUESTS_CA_BUNDLE
  export NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE SSL_CERT_FILE
  trust_in_nss >/dev/null 2>&1 || warn "the NSS database was not updated"
}

# --- the agent ------------------------------------------------------------------------------------

make_env_file() {
  # Not ':', whose failed redirection would end the shell.
  if true 2>/dev/null >>"$EXECD_ENVS"; then return 0; fi
  case $EXECD_ENVS in
  */*) mkdir -p "${EXECD_ENVS%/*}" "$RUNTIME_DIR" 2>/dev/null ;;
  *) mkdir -p "$RUNTIME_DIR" 2>/dev/null ;;
  esac
  true 2>/dev/null >>"$EXECD_ENVS" || warn "cannot create $EXECD_ENVS"
}

source_pre_script() {
  script=$EXECD_BOOTSTRAP_PRE_SCRIPT
  case $script in
  */*) ;;
  *) script=./$script ;;
  esac
  if [ -f "$script" ] && [ -r "$script" ]; then
    # shellcheck disable=SC1090
    . "$script" || warn "$script ended with status $?"
  else
    warn "EXECD_BOOTSTRAP_PRE_SCRIPT is not a readable file: $script"
  fi
}

# Meant for the user's programs, some variables would change the agent's own loader and runtime. It gets
# them under another name and hands them to every command it runs.
hold_back() {
  if [ -n "${LD_PRELOAD-}" ]; then
    export OPENSANDBOX_HELD_LD_PRELOAD="$LD_PRELOAD"
    unset LD_PRELOAD
  fi
  if [ -n "${BUN_OPTIONS-}" ]; then
    export OPENSANDBOX_HELD_BUN_OPTIONS="$BUN_OPTIONS"
    unset BUN_OPTIONS
  fi
  if [ -n "${BUN_BE_BUN-}" ]; then
    export OPENSANDBOX_HELD_BUN_BE_BUN="$BUN_BE_BUN"
    unset BUN_BE_BUN
  fi
}

# Starts the agent again whenever it ends, more slowly each time it ended soon, and at last not at all.
keep_agent_running() {
  trap - TERM INT
  hold_back
  quick=0
  while :; do
    # Unquoted: EXECD may hold arguments.
    $EXECD &
    agent=$!
    started=$(date +%s 2>/dev/null)
    wait "$agent"
    status=$?
    case $status in
    2 | 126 | 127)
      warn "the agent cannot run (status $status)"
      return
      ;;
    esac
    ended=$(date +%s 2>/dev/null)
    if [ $((${ended:-0} - ${started:-0})) -ge 60 ]; then quick=0; fi
    quick=$((quick + 1))
    if [ "$quick" -gt 20 ]; then
      warn "the agent ended $quick times in a row; giving up"
      return
    fi
    pause=$((quick - 1))
    if [ "$pause" -gt 10 ]; then pause=10; fi
    warn "the agent ended with status $status; starting it again in $pause s"
    if [ "$pause" -gt 0 ]; then sleep "$pause"; fi
  done
}

# --- the user's command ---------------------------------------------------------------------------

find_shell() {
  shell=${BOOTSTRAP_SHELL-}
  if [ -n "$shell" ]; then return 0; fi
  if command -v bash >/dev/null 2>&1; then
    shell=bash
  elif command -v sh >/dev/null 2>&1; then
    shell=sh
  else
    warn "no shell to run the command with"
    exit 1
  fi
}

trap on_term TERM
trap on_int INT

case ${OPENSANDBOX_EGRESS_MITMPROXY_TRANSPARENT-} in
1 | [Tt][Rr][Uu][Ee] | [Yy][Ee][Ss] | [Oo][Nn]) trust_proxy_certificate ;;
esac

EXECD=${EXECD:-$HOME_DIR/execd}
EXECD_ENVS=${EXECD_ENVS:-$HOME_DIR/.env}
export EXECD_ENVS

if [ -n "${EXECD_BOOTSTRAP_PRE_SCRIPT-}" ]; then
  make_env_file
  source_pre_script
fi

keep_agent_running &
say "agent started: $EXECD"
if [ -z "${EXECD_BOOTSTRAP_PRE_SCRIPT-}" ]; then make_env_file; fi
# Whoever holds the token may do all the agent may.
unset EXECD_ACCESS_TOKEN

# The command's standard input is this shell's; without help it would be /dev/null.
exec 3<&0
if [ -n "${BOOTSTRAP_CMD-}" ]; then
  find_shell
  "$shell" -c "$BOOTSTRAP_CMD" <&3 3<&- &
elif [ "${1-}" = -c ]; then
  shift
  find_shell
  "$shell" -c "$*" <&3 3<&- &
elif [ "$#" -eq 0 ]; then
  find_shell
  "$shell" <&3 3<&- &
else
  "$@" <&3 3<&- &
fi
child=$!
exec 3<&-
await_child
