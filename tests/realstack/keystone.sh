# Keystone on SQLite, served by gunicorn behind the federation of ks_wsgi.py.

keystone_installed() {
  local wanted="keystone==$REALSTACK_KEYSTONE_VERSION gunicorn==$REALSTACK_GUNICORN_VERSION"
  if [ "$(cat "$venv/installed.txt" 2>/dev/null)" != "$wanted" ]; then
    say "installing $wanted from PyPI"
    rm -rf "$venv"
    python3 -m venv "$venv"
    # shellcheck disable=SC2086
    if command -v uv >/dev/null; then
      uv pip install -q --python "$venv/bin/python" $wanted
    else
      "$venv/bin/pip" install -q --disable-pip-version-check $wanted
    fi
    echo "$wanted" >"$venv/installed.txt"
  fi
}

keystone_conf() {
  # Without a timeout SQLite answers parallel writes with "database is locked".
  cat >"$keystone/keystone.conf" <<CONF
[DEFAULT]
log_file = $logs/keystone.log
default_log_levels = keystone=INFO,sqlalchemy=WARN,oslo=WARN
[database]
connection = sqlite:///$keystone/keystone.db?timeout=30
[auth]
methods = password,token,mapped,openid,application_credential,ec2credential
[federation]
remote_id_attribute = HTTP_OIDC_ISS
default_authorization_ttl = $REALSTACK_AUTHORIZATION_TTL
[token]
provider = fernet
expiration = 3600
[fernet_tokens]
key_repository = $keystone/fernet-keys
[fernet_receipts]
key_repository = $keystone/fernet-keys
[credential]
key_repository = $keystone/credential-keys
CONF
}

keystone_up() {
  export PYTHONWARNINGS=ignore OS_KEYSTONE_CONFIG_FILES=$keystone/keystone.conf
  keystone_conf
  if [ ! -e "$keystone/made" ]; then
    local me group
    me=$(id -un) group=$(id -gn)
    manage() { "$venv/bin/keystone-manage" --config-file "$keystone/keystone.conf" "$@"; }
    manage db_sync
    manage fernet_setup --keystone-user "$me" --keystone-group "$group"
    manage credential_setup --keystone-user "$me" --keystone-group "$group"
    OS_BOOTSTRAP_PASSWORD=$(cat "$secrets/admin") manage bootstrap --bootstrap-region-id RegionOne \
      --bootstrap-public-url "$keystone_url/" --bootstrap-internal-url "$keystone_url/" --bootstrap-admin-url "$keystone_url/"
    touch "$keystone/made"
  fi
  export REALSTACK_DIR
  start keystone "$REALSTACK_KEYSTONE_PORT" "$venv/bin/gunicorn" --bind "$REALSTACK_HOST:$REALSTACK_KEYSTONE_PORT" \
    --workers "$REALSTACK_KEYSTONE_WORKERS" --worker-class gthread --threads "$REALSTACK_KEYSTONE_THREADS" \
    --keep-alive 30 --graceful-timeout 2 --chdir "$here" ks_wsgi:application
  await keystone 180 curl --noproxy "*" -fsS -m 5 "$keystone_url"
}
