//! The freedesktop.org Secret Service API 0.2, over the session's bus.

use std::collections::HashMap;
use std::env;
use std::path::Path;

use dbus_secret_service::{Collection, EncryptionType, Error, SecretService};
use skykey_types::Secret;

use super::{Entry, KeyringError};

pub(super) fn put(entry: &Entry, secret: &Secret) -> Result<(), KeyringError> {
    let service = service()?;
    let collection = service.get_default_collection().map_err(said)?;
    unlocked(&collection)?;
    let label = format!("skykey login at {}", entry.portal);
    let secret = secret.expose().as_bytes();
    collection
        .create_item(&label, attributes(entry), secret, true, "text/plain")
        .map(drop)
        .map_err(said)
}

pub(super) fn get(entry: &Entry) -> Result<Option<Secret>, KeyringError> {
    let service = service()?;
    let found = service.search_items(attributes(entry)).map_err(said)?;
    let Some(item) = found.unlocked.first() else {
        return if found.locked.is_empty() {
            Ok(None)
        } else {
            Err(locked())
        };
    };
    let bytes = item.get_secret().map_err(said)?;
    String::from_utf8(bytes)
        .map(|text| Some(Secret::new(text)))
        .map_err(|_| KeyringError("what it holds is not what skykey put there".to_owned()))
}

pub(super) fn remove(entry: &Entry) -> Result<(), KeyringError> {
    let service = service()?;
    let found = service.search_items(attributes(entry)).map_err(said)?;
    for item in found.unlocked {
        item.delete().map_err(said)?;
    }
    if found.locked.is_empty() {
        Ok(())
    } else {
        Err(locked())
    }
}

/// Secrets go over the bus as they are: it is a socket that is open to this person alone.
fn service() -> Result<SecretService, KeyringError> {
    // libdbus would start a bus of its own where there is none, and a keyring that ends with it keeps nothing.
    if !there_is_a_bus() {
        return Err(KeyringError("there is no desktop session".to_owned()));
    }
    // No dialogue: a person who runs a job does not see it.
    SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, 0).map_err(said)
}

fn there_is_a_bus() -> bool {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    set("DBUS_SESSION_BUS_ADDRESS").is_some()
        || set("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists())
}

fn attributes(entry: &Entry) -> HashMap<&str, &str> {
    HashMap::from([
        ("application", "skykey"),
        ("portal", entry.portal.as_str()),
        ("folder", entry.folder.as_str()),
    ])
}

fn unlocked(collection: &Collection<'_>) -> Result<(), KeyringError> {
    if collection.is_locked().map_err(said)? {
        Err(locked())
    } else {
        Ok(())
    }
}

fn locked() -> KeyringError {
    KeyringError("it is locked".to_owned())
}

/// In our words: what the bus says is for programmers, and may be of any length.
fn said(error: Error) -> KeyringError {
    let why = match error {
        Error::NoResult => "there is none yet".to_owned(),
        Error::Locked | Error::Prompt => return locked(),
        Error::Dbus(error) => match error.name() {
            Some(
                "org.freedesktop.DBus.Error.ServiceUnknown"
                | "org.freedesktop.DBus.Error.NameHasNoOwner",
            ) => "this desktop session has none".to_owned(),
            Some(
                "org.freedesktop.DBus.Error.NoReply"
                | "org.freedesktop.DBus.Error.Timeout"
                | "org.freedesktop.DBus.Error.TimedOut",
            ) => "it does not answer".to_owned(),
            Some(
                "org.freedesktop.DBus.Error.NoServer"
                | "org.freedesktop.DBus.Error.FileNotFound"
                | "org.freedesktop.DBus.Error.BadAddress"
                | "org.freedesktop.DBus.Error.Disconnected",
            ) => "the desktop session's bus cannot be reached".to_owned(),
            name => format!(
                "the desktop session's bus says {}",
                name.unwrap_or("something that has no name")
            ),
        },
        _ => "it answers in a way that skykey does not understand".to_owned(),
    };
    KeyringError(why)
}
