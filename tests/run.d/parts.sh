# The parts of tests/run, a function each. Arguments go to the test runner.

part_lint() {
  environment lint
  cargo fmt --all --check
  if has cargo-deny; then
    cargo deny --locked --log-level error check licenses bans sources
  else
    echo "cargo-deny is not installed, so deny.toml was not checked" >&2
  fi
  "$cache/clients/lint/bin/mypy"
}

part_unit() {
  packages unit
  if has node && has npm; then openid_provider; fi
  if has cargo-nextest; then
    cargo nextest run --workspace --locked "$@"
  else
    cargo test --workspace --locked -- "$@"
  fi
}

# What every story needs: the program, and the clients that people use.
stories() { # FOLDER [ARG…]
  local name
  for name in clients awscli openstack; do environment "$name"; done
  SKYKEY_BIN=$CARGO_TARGET_DIR/debug/skykey SKYKEY_AWS=$cache/clients/awscli/bin/aws \
    SKYKEY_OPENSTACK=$cache/clients/openstack/bin/openstack \
    "$cache/clients/clients/bin/python" -m pytest -q -rA --durations=10 -p no:cacheprovider "$@"
}

part_e2e() {
  local folder ignored=()
  packages e2e
  for folder in hub lab matrix packaging real; do ignored+=("--ignore=tests/e2e/$folder"); done
  stories tests/e2e "${ignored[@]}" "$@"
}

part_hub() {
  packages hub
  environment jupyterhub
  environment jupyterhub55
  http_proxy
  openid_provider
  export SKYKEY_JUPYTERHUB=$cache/clients/jupyterhub/bin SKYKEY_JUPYTERHUB55=$cache/clients/jupyterhub55/bin
  stories tests/e2e/hub "$@"
}

part_lab() {
  packages lab
  environment jupyterhub
  environment notebook
  export SKYKEY_JUPYTERHUB=$cache/clients/jupyterhub/bin SKYKEY_NOTEBOOK=$cache/clients/notebook/bin
  stories tests/e2e/lab "$@"
}

part_clients() {
  packages clients
  environment notebook
  export SKYKEY_NOTEBOOK=$cache/clients/notebook/bin
  stories tests/e2e/matrix "$@"
}

part_packaging() {
  environment wheel
  [ -z "$background" ] || wait "$background" || true
  background=
  build_packages
  stories tests/e2e/packaging "$@"
}

part_real() {
  packages real
  openid_provider
  export REALSTACK_DIR=${REALSTACK_DIR:-$cache/realstack/state}
  stack_started=yes
  tests/realstack/up
  export SKYKEY_REALSTACK=$REALSTACK_DIR/stack.json
  if [ $# = 0 ]; then
    rust_tests keystone real
    rust_tests echo real
  fi
  stories tests/e2e/real "$@"
  # Last, because it checks what the others left: faults before each system, STS compared with its
  # stand-in, and every log and file searched for every secret.
  if [ $# = 0 ]; then
    tests/realstack/wire --role
    rust_tests skykey real
  fi
}

# Runs a crate's integration tests whose names contain a word.
rust_tests() { # CRATE WORD
  local program
  program=$(test_program "$1")
  (cd "crates/$1" && "$program" "$2")
}
