//! What the IAM says of a person, and how long that counts while it is silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skykey_types::{
    Access, Clock, Person, Secret, SignedDuration, SubjectId, Survey, Timestamp, lock,
};

use crate::{Caller, Denied, People, PortError};

/// The IAM, and what it said last of whom.
pub(crate) struct Membership {
    pub(crate) people: Arc<dyn People>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long after its last answer about a person new leases are issued while the IAM is silent.
    pub(crate) grace: SignedDuration,
    /// The interval of the membership watch.
    pub(crate) watch_interval: SignedDuration,
    /// Where a person asks to join a group.
    pub(crate) join_at: String,
    /// In memory only: after a restart without an IAM nothing is issued, which is the safe side.
    pub(crate) seen: Seen,
}

/// What the IAM said of each person, and when.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<SubjectId, (Timestamp, Person)>>);

/// What the IAM answered about a person.
pub(crate) enum Answer {
    /// The account as it is now.
    Person(Person),
    /// There is no such account.
    NoAccount,
    /// Nothing.
    Silence(String),
    /// It can only be asked with the person's own login, and there is none.
    LoginEnded,
}

impl Membership {
    /// Asks the IAM and remembers what it says.
    pub(crate) async fn ask(&self, id: &SubjectId, brought: Option<&Secret>) -> Answer {
        match self.people.person(id, brought).await {
            Ok(Some(person)) if person.id == *id => {
                let seen = (self.clock.now(), person.clone());
                lock(&self.seen.0).insert(id.clone(), seen);
                Answer::Person(person)
            }
            // Another issuer's person of the same `sub` is somebody else.
            Ok(_) => {
                lock(&self.seen.0).remove(id);
                Answer::NoAccount
            }
            Err(PortError::Refused(_)) => Answer::LoginEnded,
            Err(error) => Answer::Silence(error.to_string()),
        }
    }

    /// Returns the caller's account, active, by the IAM's word now or within the grace.
    pub(crate) async fn of(&self, caller: &Caller) -> Result<Person, Denied> {
        self.active(&caller.id, &caller.username, caller.iam_token.as_ref())
            .await
    }

    /// Returns the person, active, by the IAM's word now or within the grace.
    pub(crate) async fn active(
        &self,
        id: &SubjectId,
        username: &str,
        brought: Option<&Secret>,
    ) -> Result<Person, Denied> {
        let person = match self.ask(id, brought).await {
            Answer::Person(person) => person,
            Answer::NoAccount => return Err(Denied::NoAccount(username.to_owned())),
            Answer::LoginEnded => return Err(Denied::LoginEnded),
            Answer::Silence(why) => match self.recall(id) {
                Some((at, person)) if self.clock.now().duration_since(at).abs() <= self.grace => {
                    tracing::warn!(%id, %why, seen = %at, "the IAM does not answer; its last word is within the grace");
                    person
                }
                _ => {
                    tracing::warn!(%id, %why, "the IAM does not answer; nothing new is issued");
                    return Err(Denied::Away {
                        system: "the IAM",
                        why,
                    });
                }
            },
        };
        if !self.is_active(&person) {
            return Err(Denied::NoAccount(person.username));
        }
        Ok(person)
    }

    /// Returns the caller's account without a request to the IAM, if it answered within two rounds of
    /// the watch and within the grace: in each round it is asked about everybody with a live lease.
    pub(crate) async fn lately(&self, caller: &Caller) -> Result<Person, Denied> {
        let valid_for = self.watch_interval.saturating_mul(2).min(self.grace);
        let now = self.clock.now();
        match self.recall(&caller.id) {
            Some((at, person))
                if now.duration_since(at).abs() <= valid_for && self.is_active(&person) =>
            {
                Ok(person)
            }
            _ => self.of(caller).await,
        }
    }

    /// Returns what the IAM said of somebody last, unless it was before `since`.
    pub(crate) fn said_since(&self, id: &SubjectId, since: Timestamp) -> Option<Person> {
        let (at, person) = self.recall(id)?;
        (at >= since).then_some(person)
    }

    /// Returns what the IAM said of somebody last, whenever that was.
    pub(crate) fn last_word(&self, id: &SubjectId) -> Option<Person> {
        self.recall(id).map(|(_, person)| person)
    }

    /// Returns the person with that login name. A name that the IAM has since given to somebody else
    /// belongs to no one.
    pub(crate) async fn by_username(&self, username: &str) -> Result<SubjectId, Denied> {
        let found = self
            .people
            .by_username(username)
            .await
            .map_err(|error| Denied::port("the IAM", error))?;
        let unknown = || Denied::NoAccount(username.chars().take(80).collect());
        let id = found.ok_or_else(unknown)?;
        match self.recall(&id) {
            Some((_, person)) if person.username.to_lowercase() != username.to_lowercase() => {
                Err(unknown())
            }
            _ => Ok(id),
        }
    }

    /// Whether the account may be used: not disabled, and not past its end.
    pub(crate) fn is_active(&self, person: &Person) -> bool {
        person.active && !self.has_ended(person)
    }

    /// Whether the account is past its end, whatever the IAM still says of it.
    pub(crate) fn has_ended(&self, person: &Person) -> bool {
        person
            .account_end
            .is_some_and(|end| end <= self.clock.now())
    }

    /// Refuses unless the person's groups give them `access`.
    pub(crate) fn check(
        &self,
        person: &Person,
        survey: &Survey,
        access: Access,
    ) -> Result<(), Denied> {
        if survey.access_of(person) >= Some(access) {
            return Ok(());
        }
        let groups = match access {
            Access::Read => &survey.readers,
            Access::Write => &survey.curators,
        };
        Err(Denied::NotAMember {
            username: person.username.clone(),
            survey: survey.name.clone(),
            access,
            groups: groups.clone(),
            join_at: self.join_at.clone(),
        })
    }

    fn recall(&self, id: &SubjectId) -> Option<(Timestamp, Person)> {
        lock(&self.seen.0).get(id).cloned()
    }
}
