# What tests/run installs: Debian packages, programs from PyPI, and the clients, each in an environment of its own.

sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
can_install() { has apt-get && { [ -z "$sudo" ] || sudo -n true 2>/dev/null; }; }

# Prints the Debian packages of those programs that are missing.
missing() { # PROGRAM:PACKAGE…
  local pair
  for pair in "$@"; do has "${pair%:*}" || echo "${pair#*:}"; done
}

packages_of() { # PART
  case $1 in
    base)
      missing cc:build-essential python3:python3
      python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
      ;;
    unit | hub) missing node:nodejs npm:npm ;;
    # A desktop's keyring, for the stories of the command.
    e2e) missing dbus-run-session:dbus gnome-keyring-daemon:gnome-keyring secret-tool:libsecret-tools ;;
    lab) missing chromium:chromium chromedriver:chromium-driver ;;
    clients) missing rclone:rclone ;;
    real)
      missing openssl:openssl node:nodejs npm:npm ceph-mon:ceph-mon ceph-osd:ceph-osd radosgw:radosgw \
        ceph:ceph-common radosgw-admin:ceph-common curl:curl
      [ -e "$(echo /usr/lib/*/faketime/libfaketime.so.1)" ] || echo faketime
      ;;
  esac
}

# Leaves out of a full run the parts whose packages cannot be installed here.
left_out=
choose_parts() {
  local part need kept=()
  for part in "${parts[@]}"; do
    need=$(packages_of "$part")
    # Without node or a keyring, unit and e2e skip a few tests and say which.
    if [ -z "$full" ] || [ -n "$ci" ] || [ -z "$need" ] || [ "$part" = unit ] || [ "$part" = e2e ] || can_install; then
      kept+=("$part")
    else
      left_out+="${left_out:+, }$part (needs ${need//$'\n'/ } from apt, and root)"
    fi
  done
  parts=("${kept[@]}")
}

packages() { alone packages install_packages "$@"; }
install_packages() { # PART…
  local part need=()
  mapfile -t need < <(for part in "$@"; do packages_of "$part"; done | sort -u)
  [ ${#need[@]} -gt 0 ] || return 0
  case "$*" in unit | e2e) [ -n "$ci" ] || can_install || return 0 ;; esac
  echo "Installing ${need[*]}"
  $sudo apt-get update -q
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -qy --no-install-recommends "${need[@]}"
}

# uv installs the clients' environments in seconds. Where PyPI has no build for this machine, pip does.
install_tools() {
  local tools=$cache/clients/tools
  if ! cmp -s tests/tools.txt "$tools/installed.txt"; then
    step "Installing the programs of tests/tools.txt"
    rm -rf "$tools"
    python3 -m venv "$tools"
    if "$tools/bin/pip" install -q --disable-pip-version-check --only-binary :all: --require-hashes -r tests/tools.txt; then
      cp tests/tools.txt "$tools/installed.txt"
    elif [ -n "$ci" ]; then
      return 1
    else
      echo "tests/tools.txt was not installed; the tests run without it, and slower" >&2
    fi
  fi
  export PATH=$PATH:$tools/bin UV_CACHE_DIR=$cache/uv
}

# Runs a command while no other run of tests/run, and not the background job, does something under the same name.
alone() { # NAME COMMAND…
  local name=$1
  shift
  (flock 9 && "$@") 9>"$cache/locks/$name"
}

# An environment for each client that pins its own botocore, made again when its list changes.
environment() { alone "environment-$1" make_environment "$1"; }
make_environment() { # NAME
  local list=tests/e2e/requirements/$1.txt folder=$cache/clients/$1
  ! cmp -s "$list" "$folder/installed.txt" || return 0
  echo "Installing the clients of $list"
  rm -rf "$folder"
  if has uv; then
    uv venv -q --seed --python "$(command -v python3)" "$folder"
    uv pip install -q --python "$folder/bin/python" -r "$list"
  else
    python3 -m venv "$folder"
    "$folder/bin/pip" install -q --disable-pip-version-check -r "$list"
  fi
  cp "$list" "$folder/installed.txt"
}

# Programs for node, by their package-lock.json.
node_programs() { alone "node-$2" make_node_programs "$@"; }
make_node_programs() { # SOURCE NAME
  local folder=$cache/$2
  ! cmp -s "$1/package-lock.json" "$folder/installed.json" || return 0
  echo "Installing the programs of $1/package-lock.json"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$1"/package*.json "$folder/"
  (cd "$folder" && npm ci --no-audit --no-fund --silent && cp package-lock.json installed.json)
}

openid_provider() {
  node_programs tests/openid-provider openid-provider
  cp tests/openid-provider/provider.mjs "$cache/openid-provider/"
  export SKYKEY_OPENID_PROVIDER=$cache/openid-provider
}

http_proxy() {
  node_programs tests/e2e/hub/http-proxy http-proxy
  export SKYKEY_HTTP_PROXY=$cache/http-proxy/node_modules/.bin/configurable-http-proxy
}
