//! Reinstating the leases of people who are back in the group.
//!
//! AWS's SDKs ask for other credentials only when these are nearly over. Without reinstatement a
//! notebook's client would be refused for most of an hour after its owner was let in again. It is
//! for session tokens at skykey's own endpoint, which opens them. EC2 credentials stay refused and
//! are deleted as soon as Keystone answers; session tokens of a real Ceph were never refused. A lease
//! that was given back stays ended.

use std::collections::HashMap;
use std::sync::Mutex;

use skykey_types::{Lease, LeaseEnd, RequestId, SignedDuration, SubjectId, Timestamp, lock};

use crate::authenticate::Principal;
use crate::membership::Answer;
use crate::{Broker, Denied};

/// How often the IAM is asked about one person whose credentials are refused, however many they have.
const ASK_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// When the IAM was last asked about people whose leases ended since they left.
#[derive(Debug, Default)]
pub(crate) struct Reinstatements(Mutex<HashMap<SubjectId, Timestamp>>);

impl Reinstatements {
    /// Returns whether the IAM may be asked about the person now, and counts that.
    fn admit(&self, id: &SubjectId, now: Timestamp) -> bool {
        let mut asked = lock(&self.0);
        let lately = asked
            .get(id)
            .is_some_and(|at| now.duration_since(*at).abs() < ASK_INTERVAL);
        if !lately {
            asked.insert(id.clone(), now);
        }
        !lately
    }

    pub(crate) fn prune(&self, now: Timestamp) {
        lock(&self.0).retain(|_, at| now.duration_since(*at).abs() < ASK_INTERVAL);
    }
}

impl Broker {
    /// Refuses a session whose lease was revoked, unless its owner is back in the group.
    pub(crate) async fn check_session(
        &self,
        session: &Principal,
        request_id: &RequestId,
    ) -> Result<(), Denied> {
        let Err(denied) = self.revocations.check(&session.lease) else {
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
        let Some(record) = self.database.lease(&session.lease).await? else {
            return Err(denied);
        };
        let lease = &record.lease;
        if self.is_member_again(lease, now).await
            && self.revocations.reinstate(lease, request_id).await?
        {
            return Ok(());
        }
        Err(denied)
    }

    /// Whether the lease's owner may have it, by the IAM's word of now or of a moment ago. Its
    /// silence counts as no.
    async fn is_member_again(&self, lease: &Lease, now: Timestamp) -> bool {
        let person = if self.reinstatements.admit(&lease.subject, now) {
            match self.membership.ask(&lease.subject, None).await {
                Answer::Person(person) => Some(person),
                Answer::NoAccount | Answer::Silence(_) | Answer::LoginEnded => None,
            }
        } else {
            self.membership
                .said_since(&lease.subject, now - ASK_INTERVAL)
        };
        let Some(person) = person else { return false };
        let survey = self.surveys.named(lease.survey.as_str());
        self.membership.is_active(&person)
            && survey.and_then(|survey| survey.access_of(&person)) >= Some(lease.access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_iam_is_asked_about_each_person_once_in_five_seconds() {
        let reinstatements = Reinstatements::default();
        let id = |sub: &str| SubjectId {
            issuer: "i".to_owned(),
            sub: sub.to_owned(),
        };
        let after = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        assert!(reinstatements.admit(&id("alice"), after(0)));
        assert!(!reinstatements.admit(&id("alice"), after(4)));
        assert!(reinstatements.admit(&id("bob"), after(4)));
        assert!(reinstatements.admit(&id("alice"), after(5)));
        reinstatements.prune(after(9));
        assert_eq!(lock(&reinstatements.0).len(), 1, "only alice's");
    }
}
