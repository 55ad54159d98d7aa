//! What the IAM says of a person, and for how long its word is good while it is silent.

use std::collections::HashMap;
use std::sync::Mutex;

use skykey_types::{Access, Person, Secret, SubjectId, Survey, Timestamp};

use crate::{Broker, Caller, Denied, PortError};

/// When the IAM last said what of whom. In memory only: after a restart without an IAM nothing is
/// issued, which is the safe side.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<SubjectId, (Timestamp, Person)>>);

impl Seen {
    fn remember(&self, person: &Person, now: Timestamp) {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .insert(person.id.clone(), (now, person.clone()));
    }

    fn forget(&self, id: &SubjectId) {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .remove(id);
    }

    fn recall(&self, id: &SubjectId) -> Option<(Timestamp, Person)> {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .get(id)
            .cloned()
    }
}

/// What asking the IAM came to.
pub(crate) enum Answer {
    /// The account as it is now.
    Person(Person),
    /// There is no such account.
    Nobody,
    /// No answer.
    Silence(String),
    /// It has to be asked with the person's own login, and there is none.
    LoginEnded,
}

impl Broker {
    /// Asks the IAM and remembers what it says.
    pub(crate) async fn ask(&self, id: &SubjectId, brought: Option<&Secret>) -> Answer {
        match self.people.person(id, brought).await {
            Ok(Some(person)) if person.id == *id => {
                self.seen.remember(&person, self.clock.now());
                Answer::Person(person)
            }
            // Another issuer's person of the same `sub` is somebody else.
            Ok(_) => {
                self.seen.forget(id);
                Answer::Nobody
            }
            Err(PortError::Refused(_)) => Answer::LoginEnded,
            Err(error) => Answer::Silence(error.to_string()),
        }
    }

    /// The person, active, by the IAM's word now or within the grace.
    pub(crate) async fn active_person(
        &self,
        id: &SubjectId,
        username: &str,
        brought: Option<&Secret>,
    ) -> Result<Person, Denied> {
        let person = match self.ask(id, brought).await {
            Answer::Person(person) => person,
            Answer::Nobody => return Err(Denied::NoAccount(username.to_owned())),
            Answer::LoginEnded => return Err(Denied::LoginEnded),
            Answer::Silence(why) => match self.seen.recall(id) {
                Some((at, person))
                    if self.clock.now().duration_since(at).abs() <= self.settings.iam_grace =>
                {
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
        if !person.active || self.has_ended(&person) {
            return Err(Denied::NoAccount(person.username));
        }
        Ok(person)
    }

    /// The same, without asking if the IAM answered within two rounds of the watch (and within the
    /// grace): who has a live lease is asked about in each.
    pub async fn person_lately(&self, caller: &Caller) -> Result<Person, Denied> {
        let believed = self
            .settings
            .watch_every
            .saturating_mul(2)
            .min(self.settings.iam_grace);
        let now = self.clock.now();
        match self.seen.recall(&caller.id) {
            Some((at, person))
                if now.duration_since(at).abs() <= believed
                    && person.active
                    && !self.has_ended(&person) =>
            {
                Ok(person)
            }
            _ => self.person(caller).await,
        }
    }

    /// What the IAM said of somebody last, unless it was before that.
    pub(crate) fn said_since(&self, id: &SubjectId, since: Timestamp) -> Option<Person> {
        let (at, person) = self.seen.recall(id)?;
        (at >= since).then_some(person)
    }

    /// What the IAM said of somebody last, whenever that was.
    pub(crate) fn last_word(&self, id: &SubjectId) -> Option<Person> {
        self.seen.recall(id).map(|(_, person)| person)
    }

    /// Whose a login name is. A name that the IAM has since given to somebody else is nobody's.
    pub async fn by_username(&self, username: &str) -> Result<SubjectId, Denied> {
        let found = self
            .people
            .by_username(username)
            .await
            .map_err(|error| Denied::port("the IAM", error))?;
        let nobody = || Denied::NoAccount(username.chars().take(80).collect());
        let id = found.ok_or_else(nobody)?;
        match self.seen.recall(&id) {
            Some((_, person)) if person.username.to_lowercase() != username.to_lowercase() => {
                Err(nobody())
            }
            _ => Ok(id),
        }
    }

    /// The subject that the IAM means by `sub`.
    pub fn by_sub(&self, sub: &str) -> SubjectId {
        self.people.subject(sub)
    }

    /// Whether the account is over, whatever the IAM still says of it.
    pub(crate) fn has_ended(&self, person: &Person) -> bool {
        person
            .account_end
            .is_some_and(|end| end <= self.clock.now())
    }

    /// Refuses unless the person's groups give them `access`.
    pub(crate) fn check_member(
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
            join_at: self.settings.join_at.clone(),
        })
    }

    /// The person as the portal shows them: their groups, by the same rules.
    pub async fn person(&self, caller: &Caller) -> Result<Person, Denied> {
        self.active_person(&caller.id, &caller.username, caller.iam_token.as_ref())
            .await
    }

    /// Somebody has logged in: keeps what the IAM may have to be asked with later.
    pub async fn logged_in(&self, id: &SubjectId, refresh_token: &Secret) -> Result<(), Denied> {
        self.people
            .keep_login(id, refresh_token)
            .await
            .map_err(|error| Denied::port("the broker's database", error))
    }
}
