#!/bin/sh
# First process of a sandbox: starts the agent beside the user's command and lives as long as that command.
#
# Runs under dash, busybox ash and bash, in any image, as any user, with /opt/opensandbox writable or not.
# The agent is wanted early: before it starts nothing is forked that is not needed. The script's own variables and
# what the environment holds for the command must not have the same names: hence the prefix.

osb_home=/opt/opensandbox
# What is written at run time; the names in osb_home lead here where osb_home itself cannot be written.
osb_runtime=/tmp/.opensandbox
osb_ca=$osb_home/mitmproxy-ca-cert.pem
osb_ca_bundle=$osb_home/merged-ca-certificates.pem
osb_ca_wait=300
# Program and perhaps an argument. Absent where the agent comes from an image that does not ship it.
osb_launch=$osb_home/lib/launch

# What a process is started with can be read in /proc for as long as it lives, by every command that runs as the same
# user. So the token goes through a pipe to a second start of this script that does not have it in its environment.
osb_token=
if [ "${_EXECD_TOKEN_FD-}" = 4 ]; then
  IFS= read -r osb_token <&4
  exec 4<&-
elif [ -n "${EXECD_ACCESS_TOKEN-}" ] && [ -x /bin/sh ] && [ -f "$0" ]; then
  exec 4<<END
$EXECD_ACCESS_TOKEN
END
  unset EXECD_ACCESS_TOKEN
  export _EXECD_TOKEN_FD=4
  exec /bin/sh "$0" "$@"
fi
unset _EXECD_TOKEN_FD

say() {
  echo "[bootstrap] $*"
}

warn() {
  echo "[bootstrap] warning: $*" >&2
}

# --- starting programs ----------------------------------------------------------------------------

# Sets osb_program to the file that a name stands for, or to nothing.
find_program() {
  case $1 in
  */*)
    osb_program=$1
    if [ -f "$osb_program" ] && [ -x "$osb_program" ]; then return 0; fi
    osb_program=
    return 0
    ;;
  esac
  osb_rest=${PATH-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}:
  while [ -n "$osb_rest" ]; do
    osb_program=${osb_rest%%:*}
    osb_rest=${osb_rest#*:}
    osb_program=${osb_program:-.}/$1
    if [ -f "$osb_program" ] && [ -x "$osb_program" ]; then return 0; fi
  done
  osb_program=
}

# Starts a program beside this shell, with file 3 as its standard input: without help that would be /dev/null. The
# shell starts it with INT and QUIT ignored, which the launcher undoes.
start() {
  find_program "$1"
  if [ -n "$osb_program" ] && [ -x "${osb_launch%% *}" ]; then
    # shellcheck disable=SC2086
    $osb_launch "$osb_program" "$@" <&3 3<&- &
  else
    command "$@" <&3 3<&- &
  fi
}

# --- life and death of the user's command ---------------------------------------------------------

osb_child=
osb_terminated=

on_term() {
  osb_terminated=1
  if [ -z "$osb_child" ]; then exit 0; fi
  kill -TERM "$osb_child" 2>/dev/null
}

on_int() {
  if [ -z "$osb_child" ]; then exit 130; fi
  kill -INT "$osb_child" 2>/dev/null
}

# Waits for the command however many signals interrupt the waiting, and ends with its status.
# While it waits, the shell also reaps the orphans that the kernel hands to the first process.
await_child() {
  osb_status=0
  wait "$osb_child" || osb_status=$?
  while kill -0 "$osb_child" 2>/dev/null; do
    osb_status=0
    wait "$osb_child" || osb_status=$?
  done
  if [ -n "$osb_terminated" ]; then exit 0; fi
  exit "$osb_status"
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
  osb_waited=0
  while [ ! -s "$osb_ca" ]; do
    if [ "$osb_waited" -ge "$osb_ca_wait" ]; then
      warn "no $osb_ca after $osb_ca_wait seconds; going on without it"
      return 1
    fi
    sleep 1
    osb_waited=$((osb_waited + 1))
  done
}

trust_system_wide() {
  if command -v update-ca-certificates >/dev/null 2>&1; then
    as_root mkdir -p /usr/local/share/ca-certificates &&
      as_root cp "$osb_ca" /usr/local/share/ca-certificates/opensandbox-mitmproxy-ca.crt &&
      as_root update-ca-certificates
  elif command -v update-ca-trust >/dev/null 2>&1; then
    as_root mkdir -p /etc/pki/ca-trust/source/anchors &&
      as_root cp "$osb_ca" /etc/pki/ca-trust/source/anchors/opensandbox-mitmproxy-ca.pem &&
      as_root update-ca-trust
  else
    return 0
  fi
}

# Prints the first bundle of well-known authorities there is.
system_bundle() {
  for osb_python in python3 python; do
    osb_bundle=$("$osb_python" -c 'import certifi; print(certifi.where())' 2>/dev/null)
    if [ -n "$osb_bundle" ] && [ -r "$osb_bundle" ]; then
      echo "$osb_bundle"
      return 0
    fi
  done
  for osb_bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem \
    /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem; do
    if [ -r "$osb_bundle" ]; then
      echo "$osb_bundle"
      return 0
    fi
  done
  return 1
}

write_bundle() {
  [ -d "$osb_runtime" ] || mkdir -p "$osb_runtime" 2>/dev/null
  osb_bundle=$(system_bundle) || return 1
  { cat "$osb_bundle" && echo && cat "$osb_ca"; } 2>/dev/null >"$osb_ca_bundle.new" &&
    mv -f "$osb_ca_bundle.new" "$osb_ca_bundle" 2>/dev/null && return 0
  # osb_home is read-only: its name for the bundle leads to the runtime directory.
  { cat "$osb_bundle" && echo && cat "$osb_ca"; } 2>/dev/null >"$osb_ca_bundle"
}

trust_in_nss() {
  if [ -z "${HOME-}" ] || ! command -v certutil >/dev/null 2>&1; then return 0; fi
  osb_database=$HOME/.pki/nssdb
  if [ ! -d "$osb_database" ]; then
    mkdir -p "$osb_database" && certutil -N --empty-password -d "sql:$osb_database" || return 1
  fi
  certutil -D -n opensandbox-mitmproxy -d "sql:$osb_database" >/dev/null 2>&1
  certutil -A -n opensandbox-mitmproxy -t 'C,,' -i "$osb_ca" -d "sql:$osb_database"
}

trust_proxy_certificate() {
  await_ca || return 0
  trust_system_wide >/dev/null 2>&1 || warn "the system's trust store was not updated"
  NODE_EXTRA_CA_CERTS=$osb_ca
  if write_bundle; then
    REQUESTS_CA_BUNDLE=$osb_ca_bundle
  else
    warn "no bundle of well-known authorities was found; trusting $osb_ca alone"
    REQUESTS_CA_BUNDLE=$osb_ca
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
  */*) mkdir -p "${EXECD_ENVS%/*}" "$osb_runtime" 2>/dev/null ;;
  *) mkdir -p "$osb_runtime" 2>/dev/null ;;
  esac
  true 2>/dev/null >>"$EXECD_ENVS" || warn "cannot create $EXECD_ENVS"
}

source_pre_script() {
  osb_script=$EXECD_BOOTSTRAP_PRE_SCRIPT
  case $osb_script in
  */*) ;;
  *) osb_script=./$osb_script ;;
  esac
  if [ -f "$osb_script" ] && [ -r "$osb_script" ]; then
    # shellcheck disable=SC1090
    . "$osb_script" || warn "$osb_script ended with status $?"
  else
    warn "EXECD_BOOTSTRAP_PRE_SCRIPT is not a readable file: $osb_script"
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
  # The same for each start: by this name an agent finds what the one before it kept.
  unset _EXECD_STATE
  if read -r _EXECD_STATE 2>/dev/null </proc/sys/kernel/random/uuid; then export _EXECD_STATE; fi
  exec 3</dev/null
  osb_token=${EXECD_ACCESS_TOKEN-$osb_token}
  unset EXECD_ACCESS_TOKEN
  osb_quick=0
  while :; do
    # Unquoted: EXECD may hold arguments.
    if [ -n "$osb_token" ]; then export EXECD_ACCESS_TOKEN="$osb_token"; fi
    # shellcheck disable=SC2086
    start $EXECD
    osb_agent=$!
    unset EXECD_ACCESS_TOKEN
    osb_started=$(date +%s 2>/dev/null)
    wait "$osb_agent"
    osb_status=$?
    case $osb_status in
    2 | 126 | 127)
      warn "the agent cannot run (status $osb_status)"
      return
      ;;
    esac
    osb_ended=$(date +%s 2>/dev/null)
    if [ $((${osb_ended:-0} - ${osb_started:-0})) -ge 60 ]; then osb_quick=0; fi
    osb_quick=$((osb_quick + 1))
    if [ "$osb_quick" -gt 20 ]; then
      warn "the agent ended $osb_quick times in a row; giving up"
      return
    fi
    osb_pause=$((osb_quick - 1))
    if [ "$osb_pause" -gt 10 ]; then osb_pause=10; fi
    warn "the agent ended with status $osb_status; starting it again in $osb_pause s"
    if [ "$osb_pause" -gt 0 ]; then sleep "$osb_pause"; fi
  done
}

# --- the user's command ---------------------------------------------------------------------------

# Starts the shell: the one that is asked for, the image's best, or the agent's own where the image has none.
start_shell() {
  if [ -n "${BOOTSTRAP_SHELL-}" ]; then
    start "$BOOTSTRAP_SHELL" "$@"
  elif command -v bash >/dev/null 2>&1; then
    start bash "$@"
  elif command -v sh >/dev/null 2>&1; then
    start sh "$@"
  elif [ -x "$osb_home/lib/sh" ]; then
    start "$osb_home/lib/ld.so" --library-path "$osb_home/lib" "$osb_home/lib/sh" "$@"
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

EXECD=${EXECD:-$osb_home/execd}
if [ -z "${EXECD_ENVS-}" ]; then
  EXECD_ENVS=$osb_home/.env
  # No link there, and the directory cannot be written: then where the link would lead.
  if [ ! -L "$EXECD_ENVS" ] && ! true 2>/dev/null >>"$EXECD_ENVS"; then EXECD_ENVS=$osb_runtime/env; fi
fi
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

exec 3<&0
if [ -n "${BOOTSTRAP_CMD-}" ]; then
  start_shell -c "$BOOTSTRAP_CMD"
elif [ "${1-}" = -c ]; then
  shift
  start_shell -c "$*"
elif [ "$#" -eq 0 ]; then
  start_shell
else
  start "$@"
fi
osb_child=$!
exec 3<&-
await_child
