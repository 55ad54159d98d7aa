//! Whose a login name is, by SCIM.
//!
//! RFC 7644 §3.4.2.2 has `filter=userName eq "…"` for it. INDIGO IAM ignores or refuses the filter, and
//! its own search by name takes an administrator's scope; so where the filter does not help, all
//! accounts are listed, page by page, and kept.

use std::collections::HashMap;
use std::sync::Mutex;

use serde::Deserialize;
use skykey_types::{SignedDuration, SubjectId, Timestamp};
use url::form_urlencoded;

use crate::{Iam, IamError};

const OPERATION: &str = "ask SCIM whose a login name is";
/// INDIGO's largest page.
const PAGE: usize = 100;
const MOST_PAGES: usize = 200;
/// A longer name is nobody's.
const LONGEST: usize = 128;
/// How long it is believed whose a name is.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// All accounts are not listed again within this, for a name that was not among them.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What is known of login names.
#[derive(Debug, Default)]
pub(crate) struct Usernames {
    known: Mutex<State>,
    /// Held by whoever asks: a class that begins together lists once.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// By the name in lower case.
    names: HashMap<String, (Timestamp, Whose)>,
    /// Whether the IAM filtered when it was asked last.
    filters: bool,
    listed: Option<Timestamp>,
}

/// Whose a name is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    /// No account's, or several accounts'.
    Nobodys,
    /// That of the account with this `sub`.
    Of(String),
}

#[derive(Deserialize)]
struct List {
    #[serde(rename = "totalResults")]
    total: usize,
    #[serde(rename = "Resources", default)]
    found: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    id: String,
    #[serde(rename = "userName")]
    username: String,
}

impl Iam {
    /// The account with that login name, whatever its case (JupyterHub writes names in lower case);
    /// `None` if there is none, or if there are several. Kept for an hour.
    pub async fn by_username(&self, username: &str) -> Result<Option<SubjectId>, IamError> {
        let name = username.to_lowercase();
        if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
            return Ok(None);
        }
        let id = |whose: Whose| match whose {
            Whose::Nobodys => None,
            Whose::Of(sub) => Some(self.subject(sub)),
        };
        if let Some(whose) = self.usernames.find(&name, self.clock.now()) {
            return Ok(id(whose));
        }
        if self.usernames.filters() {
            // Each asks for one name only, so nobody has to wait for the others.
            let now = self.clock.now();
            if let Some(accounts) = self.filtered(&name).await? {
                self.usernames.keep(&name, accounts, false, now);
                return Ok(self.usernames.find(&name, now).and_then(id));
            }
        }
        let _asking = self.usernames.gate.lock().await;
        let now = self.clock.now();
        if let Some(whose) = self.usernames.find(&name, now) {
            return Ok(id(whose));
        }
        let (accounts, listed) = match self.filtered(&name).await? {
            Some(accounts) => (accounts, false),
            None => (self.all_accounts().await?, true),
        };
        self.usernames.keep(&name, accounts, listed, now);
        Ok(self.usernames.find(&name, now).and_then(id))
    }

    /// The accounts of that name; `None` if the IAM does not filter.
    async fn filtered(&self, name: &str) -> Result<Option<Vec<Found>>, IamError> {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", &format!("userName eq \"{quoted}\""))
            .append_pair("count", &PAGE.to_string())
            .finish();
        let answer = self.ask_scim(OPERATION, &["Users"], &query).await?;
        // RFC 7644 §3.12: `invalidFilter` is 400; who has no filters may say 501.
        if matches!(answer.status(), 400 | 501) {
            return Ok(None);
        }
        let list: List = answer.json()?;
        // More than a page of one name: the filter was ignored.
        if list.total > list.found.len() {
            return Ok(None);
        }
        let mut only = list.found;
        only.retain(|found| found.username.to_lowercase() == name);
        Ok(Some(only))
    }

    async fn all_accounts(&self) -> Result<Vec<Found>, IamError> {
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let query = format!("count={PAGE}&startIndex={}", all.len() + 1);
            let list: List = self.ask_scim(OPERATION, &["Users"], &query).await?.json()?;
            let nothing_more = list.found.is_empty();
            all.extend(list.found);
            if nothing_more || all.len() >= list.total {
                return Ok(all);
            }
        }
        Err(IamError::Unexpected {
            operation: OPERATION,
            why: format!(
                "more than {} accounts; call the hub's users by their sub instead",
                PAGE * MOST_PAGES
            ),
        })
    }
}

impl Usernames {
    fn filters(&self) -> bool {
        let state = self.known.lock().expect("nobody panics while holding it");
        state.filters
    }

    /// What is known of the name, if anything is.
    fn find(&self, name: &str, now: Timestamp) -> Option<Whose> {
        let young = |at: Timestamp, than| now.duration_since(at).abs() < than;
        let state = self.known.lock().expect("nobody panics while holding it");
        match state.names.get(name) {
            Some((at, whose)) if young(*at, KEPT) => Some(whose.clone()),
            _ => state
                .listed
                .is_some_and(|at| young(at, AGAIN))
                .then_some(Whose::Nobodys),
        }
    }

    fn keep(&self, name: &str, accounts: Vec<Found>, listed: bool, now: Timestamp) {
        let mut state = self.known.lock().expect("nobody panics while holding it");
        state.filters = !listed;
        if listed {
            state.names.clear();
            state.listed = Some(now);
        }
        state.names.remove(name);
        for Found { id, username } in accounts {
            let whose = Whose::Of(id);
            state
                .names
                .entry(username.to_lowercase())
                .and_modify(|(_, known)| {
                    if *known != whose {
                        *known = Whose::Nobodys;
                    }
                })
                .or_insert_with(|| (now, whose.clone()));
        }
    }
}
