# Starting and stopping. A process counts as ours only if its id and its start time are those that we wrote down, so
# that a number which Linux gave to somebody else meanwhile is never stopped.

start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

runs() { # NAME
  local pid started
  [ -s "$pids/$1" ] && read -r pid started <"$pids/$1" && [ "$(start_time "$pid")" = "$started" ]
}

start() { # NAME PORT COMMAND…: the PORT is the one that NAME will listen on, or - if it finds itself some
  local name=$1 port=$2 pid
  shift 2
  if runs "$name"; then return; fi
  if [ "$port" != - ] && (: <"/dev/tcp/$REALSTACK_HOST/$port") 2>/dev/null; then
    die "$name cannot have port $port, where somebody else listens; choose another with REALSTACK_BASE_PORT"
  fi
  # Without the lock of `up`, which is only for as long as `up` runs.
  setsid nohup "$@" >>"$logs/$name.out" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$pids/$name"
}

stop() { # NAME
  local pid started
  if runs "$1"; then
    read -r pid started <"$pids/$1"
    kill -TERM "$pid"
    for _ in $(seq 80); do
      runs "$1" || break
      sleep 0.1
    done
    # A gateway whose monitor is gone never ends by itself.
    runs "$1" && kill -KILL "$pid"
    echo "$1 stopped"
  fi
  rm -f "$pids/$1"
}

await() { # NAME SECONDS COMMAND…: until the command succeeds, as long as the process NAME runs
  local name=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    runs "$name" || die "$name ended; its last words, from $logs/$name.out:
$(tail -n 5 "$logs/$name.out")"
    [ "$SECONDS" -lt "$deadline" ] || die "$name does not answer; look into $logs"
    sleep 0.2
  done
}
