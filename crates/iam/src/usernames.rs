//! Whose a login name is, by SCIM.
//!
//! RFC 7644 §3.4.2.2 has `filter=userName eq "…"` for it. INDIGO IAM ignores or refuses the filter, and
//! its own search by name takes an administrator's scope; so where the filter does not help, all
//! accounts are listed, page by page, and kept.

use std::collections::HashMap;
use std::sync::Mutex;

use serde::Deserialize;
use skykey_types::{SignedDuration, SubjectId, Timestamp, lock};
use skykey_upstream::SingleFlight;
use url::form_urlencoded;

use crate::{Iam, IamError};

const OPERATION: &str = "ask SCIM whose a login name is";
/// INDIGO's largest page.
const PAGE_SIZE: usize = 100;
const MAX_PAGES: usize = 200;
/// One for each name, then for all, and once more if the IAM changes its ways meanwhile.
const MAX_LOOKUPS: usize = 4;
/// No account has a longer name.
const MAX_NAME_BYTES: usize = 128;
/// How long an answer is believed. Names are given to other people at times, so no older answer
/// serves, also while the IAM hangs.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);
/// All accounts are not listed again within this, for a name that was not among them.
const LIST_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// What is known of login names. It is no `Cache`, since one answer may tell of all names.
#[derive(Debug, Default)]
pub(crate) struct Usernames {
    known: Mutex<State>,
    flights: SingleFlight<Lookup, Result<Learned, IamError>>,
}

/// Requests that need not be made twice at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lookup {
    /// For one name, at an IAM that filters.
    Name(String),
    /// For perhaps all accounts: a class that begins together lists once.
    Accounts,
}

/// What a lookup has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Learned {
    /// Whose this name is.
    Name(String),
    /// Whose every name is.
    AllNames,
    /// That the IAM does not filter, or not any more.
    DoesNotFilter,
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
    /// `None` if there is none, or if there are several. Kept for an hour. One request for all
    /// accounts at a time, and one for each name.
    pub async fn by_username(&self, username: &str) -> Result<Option<SubjectId>, IamError> {
        let name = username.to_lowercase();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Ok(None);
        }
        let id = |whose: Whose| match whose {
            Whose::Nobodys => None,
            Whose::Of(sub) => Some(self.subject(sub)),
        };
        for _ in 0..MAX_LOOKUPS {
            let known = self.usernames.find(&name, self.clock.now());
            if let Some(whose) = known {
                return Ok(id(whose));
            }
            // Where the IAM filters, each name is asked for alone and waits for no other.
            let lookup = if self.usernames.filters() {
                Lookup::Name(name.clone())
            } else {
                Lookup::Accounts
            };
            let (iam, asked, how) = (self.clone(), name.clone(), lookup.clone());
            let ask = || async move { iam.look_up(asked, &how).await };
            let learned = self.usernames.flights.run(OPERATION, lookup, ask).await??;
            // A lookup for another name tells only that the IAM filters.
            if learned == Learned::AllNames || learned == Learned::Name(name.clone()) {
                let known = self.usernames.find(&name, self.clock.now());
                return Ok(known.and_then(id));
            }
        }
        Err(IamError::Unexpected {
            operation: OPERATION,
            why: "it filters accounts by name only at times".to_owned(),
        })
    }

    /// Asks whose `name` is, and keeps what the IAM says.
    async fn look_up(&self, name: String, how: &Lookup) -> Result<Learned, IamError> {
        let now = self.clock.now();
        if let Some(accounts) = self.filtered(&name).await? {
            self.usernames.keep(&name, accounts, false, now);
            return Ok(Learned::Name(name));
        }
        self.usernames.does_not_filter();
        if *how != Lookup::Accounts {
            return Ok(Learned::DoesNotFilter);
        }
        let accounts = self.all_accounts().await?;
        self.usernames.keep(&name, accounts, true, now);
        Ok(Learned::AllNames)
    }

    /// The accounts of that name; `None` if the IAM does not filter.
    async fn filtered(&self, name: &str) -> Result<Option<Vec<Found>>, IamError> {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", &format!("userName eq \"{quoted}\""))
            .append_pair("count", &PAGE_SIZE.to_string())
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
        for _ in 0..MAX_PAGES {
            let query = format!("count={PAGE_SIZE}&startIndex={}", all.len() + 1);
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
                PAGE_SIZE * MAX_PAGES
            ),
        })
    }
}

impl Usernames {
    fn filters(&self) -> bool {
        lock(&self.known).filters
    }

    fn does_not_filter(&self) {
        lock(&self.known).filters = false;
    }

    /// What is known of the name, if anything is.
    fn find(&self, name: &str, now: Timestamp) -> Option<Whose> {
        let young = |at: Timestamp, than| now.duration_since(at).abs() < than;
        let state = lock(&self.known);
        match state.names.get(name) {
            Some((at, whose)) if young(*at, MAX_AGE) => Some(whose.clone()),
            _ => state
                .listed
                .is_some_and(|at| young(at, LIST_INTERVAL))
                .then_some(Whose::Nobodys),
        }
    }

    fn keep(&self, name: &str, accounts: Vec<Found>, listed: bool, now: Timestamp) {
        let mut state = lock(&self.known);
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
