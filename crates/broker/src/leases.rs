//! A person's own leases: listed, given back, and why the last one ended.

use skykey_types::{
    Lease, LeaseEnd, LeaseId, LeaseState, RequestId, SubjectId, SurveyName, Timestamp,
};

use crate::database::{Audit, DatabaseError, LeaseRecord};
use crate::{Broker, Caller, Denied};

impl Broker {
    /// Returns the person's leases, the newest first.
    pub async fn leases(&self, id: &SubjectId) -> Result<Vec<Lease>, Denied> {
        Ok(self.database.leases_of(id).await?)
    }

    /// Returns when the person last lost a lease because they left its survey's group, and of which
    /// survey; of that one, if one is named.
    pub async fn last_removal(
        &self,
        id: &SubjectId,
        survey: Option<&SurveyName>,
    ) -> Result<Option<(SurveyName, Timestamp)>, Denied> {
        Ok(self.database.last_removal(id, survey).await?)
    }

    /// Ends a lease of the caller's own.
    pub async fn give_back(
        &self,
        caller: &Caller,
        lease: &str,
        request_id: &RequestId,
    ) -> Result<(), Denied> {
        let now = self.clock.now();
        let found = self.database.lease(&LeaseId::from_text(lease)).await?;
        let Some(record) = found.filter(|record| record.lease.subject == caller.id) else {
            let denied = Denied::NoSuchLease(lease.chars().take(80).collect());
            self.database
                .audit(&Audit::no(now, caller, "give-back", &denied, request_id))
                .await?;
            return Err(denied);
        };
        // Giving back twice is not an error. A lease that ended because its owner left could be
        // reinstated, so it can still be given back.
        let over = record.lease.expires.is_some_and(|end| end <= now);
        let ends = match record.lease.state(now) {
            LeaseState::Live => true,
            LeaseState::Revoked(_, LeaseEnd::Removed) => !over,
            LeaseState::Expired | LeaseState::Revoked(_, LeaseEnd::Returned) => false,
        };
        if ends {
            let reason = format!("{} gave it back", caller.username);
            self.revoke(&record, LeaseEnd::Returned, &reason, Some(request_id))
                .await?;
            self.sweep().await?;
        }
        Ok(())
    }

    /// Revokes a lease. Its EC2 credential, if it has one, is deleted by the next [`Broker::sweep`];
    /// what else a person who was removed has at Keystone, by the watch.
    pub(crate) async fn revoke(
        &self,
        record: &LeaseRecord,
        why: LeaseEnd,
        reason: &str,
        request_id: Option<&RequestId>,
    ) -> Result<(), DatabaseError> {
        let deletion = |since| match why {
            LeaseEnd::Removed => self.ec2_deletions.pending_deletion(record, reason, since),
            LeaseEnd::Returned => None,
        };
        let revoked = self
            .revocations
            .revoke(record, why, reason, request_id, deletion)
            .await;
        self.forget_credentials(&record.lease).await;
        revoked
    }

    /// Forgets the credentials of a lease that was revoked. They are refused already.
    pub(crate) async fn forget_credentials(&self, lease: &Lease) {
        self.hand_outs.forget(&lease.id);
        self.known_ec2.forget(&lease.access_key_id).await;
    }

    /// Deletes the EC2 credentials of leases that are over, at Keystone. What fails is tried again
    /// later. Returns how many were deleted.
    pub async fn sweep(&self) -> Result<usize, DatabaseError> {
        self.ec2_deletions.delete_ended().await
    }
}
