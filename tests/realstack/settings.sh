# What `up`, `down` and `gateway` share: where everything is, and every setting that the environment may change.
# Settings of the servers count from the next start: `down`, then `up`.
umask 077

: "${REALSTACK_CACHE:=${SKYKEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/skykey}/realstack}" # Keystone's environment
: "${REALSTACK_DIR:=$REALSTACK_CACHE/state}"   # state, logs and secrets of one stack
case $REALSTACK_DIR in
  /*) ;;
  *) echo "REALSTACK_DIR is $REALSTACK_DIR; it has to be absolute, beginning with /" >&2; exit 1 ;;
esac

# Ports. Above 32767 they would now and then collide with the ports that Linux gives to outgoing connections.
: "${REALSTACK_HOST:=127.0.0.1}"
: "${REALSTACK_BASE_PORT:=15000}"
: "${REALSTACK_KEYSTONE_PORT:=$REALSTACK_BASE_PORT}"
: "${REALSTACK_RGW_PORT:=$((REALSTACK_BASE_PORT + 1))}"
: "${REALSTACK_MON_PORT:=$((REALSTACK_BASE_PORT + 2))}"
: "${REALSTACK_MON_V1_PORT:=$((REALSTACK_BASE_PORT + 3))}"
: "${REALSTACK_OSD_PORTS:=$((REALSTACK_BASE_PORT + 20))-$((REALSTACK_BASE_PORT + 59))}"

# Ceph
: "${REALSTACK_OSD_STORE:=bluestore}"          # bluestore (a sparse file), or memstore (this machine's memory)
: "${REALSTACK_OSD_SIZE:=21474836480}"         # bytes
: "${REALSTACK_RGW_CONF:=}"                    # more lines for the gateway's part of ceph.conf
: "${REALSTACK_STS:=true}"                     # rgw_s3_auth_use_sts
: "${REALSTACK_STS_KEY:=}"                     # 16 characters; a random one if empty
: "${REALSTACK_STS_MIN:=900}"                  # seconds; only AssumeRole obeys it, GetSessionToken always says 900
: "${REALSTACK_STS_MAX:=43200}"                # seconds
: "${REALSTACK_RGW_ROLES:=service,admin}"      # the gateway's own roles in Keystone; `service` alone: nothing is cached

# Keystone
: "${REALSTACK_KEYSTONE_VERSION:=30.0.0}"
: "${REALSTACK_GUNICORN_VERSION:=23.0.0}"
: "${REALSTACK_KEYSTONE_WORKERS:=4}"
: "${REALSTACK_KEYSTONE_THREADS:=1}"           # with more, its AuthContextMiddleware mixes up its callers' tokens
: "${REALSTACK_AUTHORIZATION_TTL:=60}"         # minutes for which rights by an IAM group outlive the login

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$REALSTACK_CACHE/keystone-$REALSTACK_KEYSTONE_VERSION
ceph=$REALSTACK_DIR/ceph
keystone=$REALSTACK_DIR/keystone
logs=$REALSTACK_DIR/log
pids=$REALSTACK_DIR/pids
secrets=$REALSTACK_DIR/secrets
keystone_url=http://$REALSTACK_HOST:$REALSTACK_KEYSTONE_PORT/v3
rgw_url=http://$REALSTACK_HOST:$REALSTACK_RGW_PORT

say() { printf '%3ds  %s\n' "$SECONDS" "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }
