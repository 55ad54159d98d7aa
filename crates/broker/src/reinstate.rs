//! Who comes back to the group before their lease would have ended has it again. AWS's SDKs ask for other credentials
//! only when these are nearly over, so without that a notebook's client would go on being refused for most of an hour
//! after its owner was let in again. It is for session tokens at skykey's own endpoint, which opens them: EC2
//! credentials stay refused, and are deleted as soon as Keystone answers, and session tokens of a real Ceph were never refused. A lease that was given
//! back stays ended.

use std::collections::HashMap;
use std::sync::Mutex;

use skykey_types::{Lease, LeaseEnd, SignedDuration, SubjectId, Timestamp};

use crate::authenticate::Principal;
use crate::database::Audit;
use crate::membership::Answer;
use crate::{Broker, Denied};

/// The IAM is asked no more often about anybody whose credentials are refused, however many they have.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// When the IAM was last asked about people whose leases ended since they left.
#[derive(Debug, Default)]
pub(crate) struct Knocks(Mutex<HashMap<SubjectId, Timestamp>>);

impl Knocks {
    /// Whether it is time to ask; then nobody else does for a while.
    fn admit(&self, id: &SubjectId, now: Timestamp) -> bool {
        let mut knocks = self.0.lock().expect("nobody panics while holding it");
        let lately = knocks
            .get(id)
            .is_some_and(|at| now.duration_since(*at).abs() < AGAIN);
        if !lately {
            knocks.insert(id.clone(), now);
        }
        !lately
    }

    pub(crate) fn prune(&self, now: Timestamp) {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .retain(|_, at| now.duration_since(*at).abs() < AGAIN);
    }
}

impl Broker {
    /// An error if the lease of these credentials was revoked, and is not to go on.
    pub(crate) async fn check_session(&self, session: &Principal) -> Result<(), Denied> {
        let Err(denied) = self.check_revoked(&session.lease) else {
            return Ok(());
        };
        let removed = matches!(
            denied,
            Denied::Revoked {
                why: LeaseEnd::Removed,
                ..
            }
        );
        let now = self.clock.now();
        let over = session.expires.is_none_or(|end| end <= now);
        if !removed || over {
            return Err(denied);
        }
        // The token may be the backend user's, the lease is a person's.
        let Some(row) = self.database.lease(&session.lease).await? else {
            return Err(denied);
        };
        if self.may_again(&row.lease, now).await && self.reinstate(&row.lease, now).await? {
            return Ok(());
        }
        Err(denied)
    }

    /// By the IAM's word of now, or of a moment ago: its silence is no word.
    async fn may_again(&self, lease: &Lease, now: Timestamp) -> bool {
        let person = if self.knocks.admit(&lease.subject, now) {
            match self.ask(&lease.subject, None).await {
                Answer::Person(person) => Some(person),
                Answer::Nobody | Answer::Silence(_) | Answer::LoginEnded => None,
            }
        } else {
            self.said_since(&lease.subject, now - AGAIN)
        };
        let Some(person) = person else { return false };
        let survey = self.surveys.named(lease.survey.as_str());
        person.active
            && !self.has_ended(&person)
            && survey.and_then(|survey| survey.access_of(&person)) >= Some(lease.access)
    }

    /// Whether it was still to be had: on disk first, then here.
    async fn reinstate(&self, lease: &Lease, now: Timestamp) -> Result<bool, Denied> {
        let reason = format!("back in a group that may {} {}", lease.access, lease.survey);
        let audit = Audit {
            at: now,
            subject: lease.subject.clone(),
            username: lease.username.clone(),
            action: "reinstate",
            yes: true,
            reason,
            survey: Some(lease.survey.to_string()),
            method: Some(lease.method.to_string()),
            lease: Some(lease.id.clone()),
        };
        let _alone = self.ending.lock().await;
        // It may have been given back meanwhile.
        if !matches!(self.revocations.of(&lease.id), Some((_, LeaseEnd::Removed))) {
            return Ok(false);
        }
        let again = self.database.reinstate_lease(&lease.id, &audit).await?;
        if again {
            self.revocations.remove(&lease.id);
            tracing::info!(lease = %lease.id, username = lease.username, survey = %lease.survey, "lease reinstated: its owner is back in the group");
        }
        Ok(again)
    }
}
