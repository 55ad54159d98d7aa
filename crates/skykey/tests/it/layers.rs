//! A crate depends only on those above it in ARCHITECTURE.md's table, whose layers do not go back. Crates and
//! dependencies that only tests use are exempt.

use std::process::Command;

use serde_json::Value;

const ARCHITECTURE: &str = include_str!("../../../../ARCHITECTURE.md");

#[test]
fn a_crate_depends_only_on_those_above_it() {
    let rows = rows();
    assert!(rows.is_sorted_by_key(|(layer, _)| *layer), "{rows:?}");
    let row = |package: &Value| {
        let name = package["name"].as_str().unwrap();
        rows.iter().position(|(_, row)| row == name)
    };
    let run = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&run.stdout).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "skykey-testkit" {
            continue;
        }
        let own = row(package);
        assert!(own.is_some(), "{name} has no row in ARCHITECTURE.md");
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_ours = !dependency["path"].is_null() && dependency["kind"] != "dev";
            let above = row(dependency);
            assert!(
                !is_ours || (above.is_some() && above < own),
                "{name} depends on {}, which is not above it in ARCHITECTURE.md",
                dependency["name"]
            );
        }
    }
}

/// The rows `| 1 | `seal` | … |`: layers and packages.
fn rows() -> Vec<(u32, String)> {
    let rows = ARCHITECTURE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let layer = cells.next()?.parse().ok()?;
        Some((layer, cells.next()?.trim_matches('`')))
    });
    rows.map(|(layer, room)| match room {
        "skykey" => (layer, room.to_owned()),
        room => (layer, format!("skykey-{room}")),
    })
    .collect()
}
