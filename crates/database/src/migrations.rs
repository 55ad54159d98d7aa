//! The database's schema, as migrations that are applied once each, in order.
//!
//! They are listed here by hand. `sqlx::migrate!` would list the folder, but its macro crate compiles
//! SQLite and half of sqlx a second time, for the compiler's use.

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Version, description and text of each file in `migrations/`. Files that were released never change:
/// the database remembers their checksums.
const MIGRATIONS: [(i64, &str, &str); 6] = [
    (1, "leases", include_str!("../migrations/0001_leases.sql")),
    (
        2,
        "backend key used",
        include_str!("../migrations/0002_backend_key_used.sql"),
    ),
    (3, "logins", include_str!("../migrations/0003_logins.sql")),
    (
        4,
        "left over",
        include_str!("../migrations/0004_left_over.sql"),
    ),
    (5, "shared", include_str!("../migrations/0005_shared.sql")),
    (
        6,
        "audit request",
        include_str!("../migrations/0006_audit_request.sql"),
    ),
];

/// Returns what brings a database of any earlier release to this one's schema.
pub(crate) fn migrator() -> Migrator {
    let migrations = MIGRATIONS
        .into_iter()
        .map(|(version, description, sql)| {
            Migration::new(
                version,
                description.into(),
                MigrationType::Simple,
                SqlStr::from_static(sql),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|(version, description, _)| {
                format!("{version:04}_{}.sql", description.replace(' ', "_"))
            })
            .collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn released_migrations_have_not_changed() {
        let checksums: Vec<String> = migrator()
            .iter()
            .map(|migration| format!("{:02x?}", &migration.checksum[..4]))
            .collect();
        assert_eq!(checksums, CHECKSUMS);
    }

    /// The beginnings of the files' SHA-384, as databases of released programs have them.
    const CHECKSUMS: [&str; 6] = [
        "[b7, f8, a9, ee]",
        "[23, 7f, c9, 0f]",
        "[ec, 2b, aa, e6]",
        "[ce, 67, 9c, 34]",
        "[f8, 6b, 12, d9]",
        "[b1, b5, 25, 8f]",
    ];
}
