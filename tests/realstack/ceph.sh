# One monitor, one OSD and one RADOS Gateway. No manager: without it Ceph warns, and works.

ceph_conf() {
  [ -s "$ceph/fsid" ] || cat /proc/sys/kernel/random/uuid >"$ceph/fsid"
  cat >"$ceph/ceph.conf" <<CONF
[global]
fsid = $(cat "$ceph/fsid")
mon_host = [v2:$REALSTACK_HOST:$REALSTACK_MON_PORT,v1:$REALSTACK_HOST:$REALSTACK_MON_V1_PORT]
public_addr = $REALSTACK_HOST
cluster_addr = $REALSTACK_HOST
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = $ceph/keyring
run_dir = $ceph
admin_socket =
log_file = $logs/\$name.log
crash_dir = $ceph/crash
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
ms_bind_port_min = ${REALSTACK_OSD_PORTS%-*}
ms_bind_port_max = ${REALSTACK_OSD_PORTS#*-}
[mon]
mon_data = $ceph/mon
mon_cluster_log_file = $logs/cluster.log
mon_data_avail_crit = 1
mon_data_avail_warn = 2
[osd]
osd_data = $ceph/osd
osd_objectstore = $REALSTACK_OSD_STORE
bluestore_block_create = true
bluestore_block_size = $REALSTACK_OSD_SIZE
memstore_device_bytes = 4294967296
osd_memory_target = 1073741824
# A memstore that stops fast forgets everything.
osd_fast_shutdown = $([ "$REALSTACK_OSD_STORE" = memstore ] && echo false || echo true)
osd_class_load_list = *
osd_class_default_list = *
[client.rgw]
rgw_data = $ceph/rgw
# Without tcp_nodelay each small answer waits 44 ms for the client's acknowledgement.
rgw_frontends = beast endpoint=$REALSTACK_HOST:$REALSTACK_RGW_PORT tcp_nodelay=1
rgw_s3_auth_use_keystone = true
rgw_keystone_url = http://$REALSTACK_HOST:$REALSTACK_KEYSTONE_PORT
rgw_keystone_api_version = 3
rgw_keystone_admin_user = rgw
rgw_keystone_admin_password = $(cat "$secrets/rgw")
rgw_keystone_admin_domain = Default
rgw_keystone_admin_project = service
rgw_keystone_accepted_roles = admin,member,reader
rgw_keystone_implicit_tenants = false
rgw_keystone_verify_ssl = false
rgw_s3_auth_use_sts = $REALSTACK_STS
rgw_sts_key = $(cat "$secrets/sts-key")
rgw_sts_min_session_duration = $REALSTACK_STS_MIN
rgw_sts_max_session_duration = $REALSTACK_STS_MAX
$REALSTACK_RGW_CONF
CONF
}

ceph_keys() {
  local new=$ceph/keyring.new
  ceph-authtool -C "$new" -n mon. --gen-key --cap mon 'allow *'
  ceph-authtool "$new" -n client.admin --gen-key --cap mon 'allow *' --cap osd 'allow *'
  ceph-authtool "$new" -n client.rgw --gen-key --cap mon 'allow rw' --cap osd 'allow rwx'
  ceph-authtool "$new" -n osd.0 --gen-key --cap mon 'allow profile osd' --cap osd 'allow *'
  mv "$new" "$ceph/keyring"
}

ceph_up() {
  export CEPH_CONF=$ceph/ceph.conf
  ceph_conf
  if [ ! -e "$ceph/mon/made" ]; then
    mkdir -p "$ceph/mon" "$ceph/osd" "$ceph/rgw" "$ceph/crash"
    ceph_keys
    monmaptool --create --clobber --fsid "$(cat "$ceph/fsid")" --addv a \
      "[v2:$REALSTACK_HOST:$REALSTACK_MON_PORT,v1:$REALSTACK_HOST:$REALSTACK_MON_V1_PORT]" "$ceph/monmap"
    ceph-mon --mkfs -i a --monmap "$ceph/monmap" --keyring "$ceph/keyring"
    touch "$ceph/mon/made"
  fi
  start ceph-mon "$REALSTACK_MON_PORT" ceph-mon -i a -f
  await ceph-mon 60 timeout 10 ceph --connect-timeout 5 -s
  if [ ! -e "$ceph/osd/made" ]; then
    local osd
    osd=$(cat /proc/sys/kernel/random/uuid)
    ceph osd new "$osd" 0
    ceph-osd -i 0 --mkfs --osd-uuid "$osd"
    touch "$ceph/osd/made"
  fi
  start ceph-osd - ceph-osd -i 0 -f
  await ceph-osd 120 sh -c 'ceph osd stat | grep -q "1 up"'
  start radosgw "$REALSTACK_RGW_PORT" radosgw -n client.rgw -f
  await radosgw 240 curl --noproxy "*" -fsS -m 2 "$rgw_url/"
}
