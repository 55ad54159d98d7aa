# What tests/run compiles. Each dependency once for all tests and stories: every command names the whole
# workspace, for with `-p` Cargo would choose other features and compile most of them again.

# Tests, and the program with them. Clippy's warnings are errors when the part lint runs.
build_tests() {
  local log=$cache/build.log
  cargo test --workspace --locked --no-run 2>&1 | tee "$log"
  if wanted lint && grep -q '^warning' "$log"; then
    echo "the build has warnings, above; the part lint allows none" >&2
    return 1
  fi
}

# Only the program. `--examples` (there are none) makes Cargo choose the features of the tests.
build_program() { cargo build --workspace --locked --bins --examples; }

# Prints the path of a package's integration tests.
test_program() { # PACKAGE
  cargo test --workspace --locked --no-run --message-format json 2>/dev/null | python3 -c '
import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made["reason"] == "compiler-artifact" and made["target"]["name"] == "it" and made["executable"]:
        if sys.argv[1] in made["package_id"].replace("#", "/").replace("@", "/").split("/"):
            print(made["executable"])
' "$1"
}

# The release build: the static program, and both wheels.
build_packages() { alone build-packages make_wheels_and_static_program; }
make_wheels_and_static_program() {
  export PATH=$PATH:$cache/clients/wheel/bin
  # What people build has no lints in it.
  unset RUSTC_WORKSPACE_WRAPPER
  rm -rf "$SKYKEY_WHEELS"
  maturin build --locked --out "$SKYKEY_WHEELS/usual"
  deploy/static --wheel "$SKYKEY_WHEELS/static"
  deploy/static "$SKYKEY_STATIC"
}
export SKYKEY_WHEELS=$CARGO_TARGET_DIR/wheels SKYKEY_STATIC=$CARGO_TARGET_DIR/static/skykey

# While the first parts run: the clients come over the network, then the release build takes cores that idle.
in_background() {
  local name
  packages "${parts[@]}"
  for name in clients awscli openstack lint wheel; do environment "$name"; done
  if wanted hub; then environment jupyterhub && environment jupyterhub55 && http_proxy; fi
  if wanted lab || wanted clients; then environment notebook; fi
  if wanted hub || wanted real; then openid_provider; fi
  if wanted real; then tests/realstack/up --install; fi
  renice -n 19 -p "$BASHPID" >/dev/null
  if wanted packaging; then build_packages; fi
}
