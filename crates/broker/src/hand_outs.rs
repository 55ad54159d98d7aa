//! Handing the same credentials out again: a notebook's kernel, a tool and the next one each ask for
//! credentials when they start. They get the same lease until little is left of it, then a new one.
//!
//! The credentials are in memory only, one set for each person and request, and are forgotten when
//! their lease is revoked. Handing out again sends no request: the membership watch covers live leases.
//! A new lease is issued in a task of its own, by one task at a time: a client that gives up waiting
//! finds it made when it asks again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use skykey_types::{
    Lease, LeaseId, Person, RequestId, SignedDuration, SubjectId, Survey, Timestamp, lock,
};
use skykey_upstream::{Fault, Flight, SingleFlight};

use crate::database::Audit;
use crate::{Broker, Caller, Denied, Issued, LeaseRequest};

/// Credentials with less time left than this are not handed out while new ones can be had.
const MIN_LEFT: SignedDuration = SignedDuration::from_secs(60);
/// How long a refusal is repeated without a new decision. Clients ask again at once.
const REFUSAL_TTL: SignedDuration = SignedDuration::from_secs(5);
const OPERATION: &str = "issue a lease";

/// Credentials as they were handed out, or why not. Shared by all who asked.
pub type HandedOut = Result<Arc<Issued>, Arc<Denied>>;

/// How credentials are handed out again.
#[derive(Debug, Clone)]
pub struct HandOutSettings {
    /// With so much left, new ones are issued; of a short lease when half of it is over.
    pub renew_at: SignedDuration,
    /// Each lease is renewed so much earlier at most, so that a class that began together does not
    /// renew together.
    pub spread: SignedDuration,
    /// How long somebody whose credentials still work waits for new ones, before they get the old
    /// ones again. Clients give up after 2 s.
    pub patience: Duration,
}

impl Default for HandOutSettings {
    fn default() -> Self {
        Self {
            renew_at: SignedDuration::from_mins(20),
            spread: SignedDuration::from_mins(5),
            patience: Duration::from_secs(1),
        }
    }
}

impl HandOutSettings {
    /// Returns how much is left of a lease when it is renewed. It follows from the lease's id, so that it is the
    /// same whenever it is asked.
    fn renew_with(&self, id: &LeaseId, whole: SignedDuration) -> SignedDuration {
        let digits = id.as_str().trim_start_matches("lease-").get(..6);
        let random = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let share = f64::from(random.unwrap_or_default()) / f64::from(1 << 24);
        (self.renew_at + self.spread.mul_f64(share)).min(whole / 2)
    }
}

/// A person and what they get.
type Key = (SubjectId, LeaseRequest);

/// The only memory of credentials that were handed out. A revocation removes them from it.
#[derive(Default)]
pub(crate) struct HandOuts {
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    /// Leases that are being issued.
    issuing: SingleFlight<Key, HandedOut>,
}

/// What is held for one person and request.
#[derive(Default)]
struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    /// The newest.
    held: Option<Arc<Issued>>,
    /// Older ones that still live: a server that has one of them may get that again.
    older: Vec<Arc<Issued>>,
    refused: Option<(Timestamp, Arc<Denied>)>,
}

impl State {
    fn forget_all(&mut self) {
        self.held = None;
        self.older.clear();
    }

    /// Puts the newest in place, and drops the older ones that have ended.
    fn hold(&mut self, issued: Arc<Issued>, now: Timestamp) {
        self.older.extend(self.held.replace(issued));
        self.older
            .retain(|old| end(old).is_some_and(|end| end > now));
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Returns the credentials of that lease, if they are held.
    fn find(&self, lease: &LeaseId) -> Option<Arc<Issued>> {
        let state = self.state();
        let mut all = state.held.iter().chain(&state.older);
        all.find(|held| held.lease.id == *lease).cloned()
    }
}

/// A person's request for credentials.
#[derive(Clone, Copy)]
struct HandOutRequest<'a> {
    caller: &'a Caller,
    lease: &'a LeaseRequest,
    id: &'a RequestId,
}

/// A lease that is being issued, or the refusal that stands.
enum Issuing {
    UnderWay(Flight<HandedOut>),
    Refused(Arc<Denied>),
}

/// Returns when held credentials are over, by our clock. If that is behind the object store's clock, it
/// must not hand out what the store no longer accepts.
fn end(held: &Issued) -> Option<Timestamp> {
    let expires = held.lease.expires?;
    Some(expires.min(held.lease.issued + held.lifetime))
}

impl HandOuts {
    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        lock(&self.slots)
    }

    fn slot(&self, id: &SubjectId, request: &LeaseRequest) -> Arc<Slot> {
        self.slots()
            .entry((id.clone(), request.clone()))
            .or_default()
            .clone()
    }

    /// Forgets the credentials of a lease that was revoked.
    pub(crate) fn forget(&self, lease: &LeaseId) {
        for slot in self.slots().values() {
            let mut state = slot.state();
            state.held.take_if(|held| held.lease.id == *lease);
            state.older.retain(|old| old.lease.id != *lease);
        }
    }

    /// Forgets what has ended.
    pub(crate) fn prune(&self, now: Timestamp) {
        self.slots().retain(|_, slot| {
            let mut state = slot.state();
            let lives = |held: &Issued| held.lease.expires.is_none_or(|end| end > now);
            state.older.retain(|old| lives(old));
            // Somebody is at work with it.
            Arc::strong_count(slot) > 1
                || state.held.as_deref().is_some_and(lives)
                || !state.older.is_empty()
                || state
                    .refused
                    .as_ref()
                    .is_some_and(|(at, _)| now.duration_since(*at).abs() < REFUSAL_TTL)
        });
    }
}

impl Broker {
    /// Credentials as requested: those that this person already has from here, as long as enough is left
    /// of them, otherwise new ones. While new ones cannot be had because a system is away, the old
    /// ones go on until a minute before their end. `request` comes from a site's configuration; for each
    /// different one of each person one set is held. If several requests wait for one new lease, the
    /// audit has the id of the one that began it.
    pub async fn hand_out(
        self: &Arc<Self>,
        caller: &Caller,
        request: &LeaseRequest,
        request_id: &RequestId,
    ) -> HandedOut {
        let Some(survey) = self.surveys.named(request.survey.as_str()) else {
            return self
                .issue(caller, request, request_id)
                .await
                .map(Arc::new)
                .map_err(Arc::new);
        };
        let slot = self.hand_outs.slot(&caller.id, request);
        let asking = HandOutRequest {
            caller,
            lease: request,
            id: request_id,
        };
        let Some((held, left)) = self.held(&slot) else {
            return finish(self.begin(&slot, asking)).await;
        };
        let whole = left + self.clock.now().duration_since(held.lease.issued);
        if left <= self.settings.hand_out.renew_with(&held.lease.id, whole) {
            let under_way = self.begin(&slot, asking);
            if left <= MIN_LEFT.min(whole / 4) {
                return finish(under_way).await;
            }
            let patience = self.settings.hand_out.patience;
            let fresh = finish(under_way);
            match tokio::time::timeout(patience, fresh).await {
                Ok(Ok(issued)) => return Ok(issued),
                Ok(Err(denied)) if !is_trouble(&denied) => return Err(denied),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        self.again(asking, survey, &slot, held).await
    }

    /// Returns the credentials of `lease` again, which was handed out before, as long as they live: for
    /// somebody who is known to have them, while nobody can say who they are, or whether they may. New ones
    /// are never issued, and nobody is asked: the IAM's last word counts, however old it is, since the
    /// lease lives on as long as there is no other. `None` if they are not held any more, and the person's
    /// standing is not the reason.
    pub async fn hand_out_same(
        &self,
        caller: &Caller,
        request: &LeaseRequest,
        lease: &Lease,
        request_id: &RequestId,
    ) -> Option<HandedOut> {
        let survey = self.surveys.named(request.survey.as_str())?;
        let now = self.clock.now();
        let lives = lease.expires.is_some_and(|end| end > now);
        if !lives || lease.subject != caller.id || lease.survey != survey.name {
            return None;
        }
        let person = self.membership.last_word(&caller.id)?;
        let admitted = self.check_again(&person, survey, lease);
        let slot = self.hand_outs.slot(&caller.id, request);
        let asking = HandOutRequest {
            caller,
            lease: request,
            id: request_id,
        };
        if let Err(denied) = self.check_admitted(admitted, asking, &slot, lease).await {
            return Some(Err(denied));
        }
        let held = slot.find(&lease.id)?;
        end(&held).is_some_and(|end| end > now).then_some(Ok(held))
    }

    /// What is held and still works, and for how long it does.
    fn held(&self, slot: &Slot) -> Option<(Arc<Issued>, SignedDuration)> {
        let mut state = slot.state();
        let held = state.held.clone()?;
        let left = end(&held)?.duration_since(self.clock.now());
        if left <= SignedDuration::ZERO || self.revocations.check(&held.lease.id).is_err() {
            state.held = None;
            return None;
        }
        Some((held, left))
    }

    /// Hands out again, unless the person is no longer a member or the survey's readers can write.
    async fn again(
        &self,
        asking: HandOutRequest<'_>,
        survey: &Survey,
        slot: &Slot,
        held: Arc<Issued>,
    ) -> HandedOut {
        let admitted = async {
            let person = self.membership.lately(asking.caller).await?;
            self.check_again(&person, survey, &held.lease)
        };
        self.check_admitted(admitted.await, asking, slot, &held.lease)
            .await?;
        Ok(held)
    }

    fn check_again(&self, person: &Person, survey: &Survey, lease: &Lease) -> Result<(), Denied> {
        if !self.membership.is_active(person) {
            return Err(Denied::NoAccount(person.username.clone()));
        }
        self.membership.check(person, survey, lease.access)?;
        self.proofs
            .check_not_writing(survey, lease.method, lease.access)?;
        // It may have been revoked while we asked.
        self.revocations.check(&lease.id)
    }

    /// Writes a refusal into the audit. One that is about the person also ends what is held.
    async fn check_admitted(
        &self,
        admitted: Result<(), Denied>,
        asking: HandOutRequest<'_>,
        slot: &Slot,
        lease: &Lease,
    ) -> Result<(), Arc<Denied>> {
        let Err(denied) = admitted else {
            return Ok(());
        };
        let audit = Audit {
            survey: Some(asking.lease.survey.to_string()),
            method: Some(lease.method.to_string()),
            lease: Some(lease.id.clone()),
            ..Audit::no(self.clock.now(), asking.caller, "issue", &denied, asking.id)
        };
        if !is_trouble(&denied) {
            slot.state().forget_all();
        }
        self.database
            .audit(&audit)
            .await
            .map_err(|error| Arc::new(error.into()))?;
        Err(Arc::new(denied))
    }

    /// Issues beside the request, unless that is under way or was refused just now.
    fn begin(self: &Arc<Self>, slot: &Arc<Slot>, asking: HandOutRequest<'_>) -> Issuing {
        let HandOutRequest {
            caller,
            lease: request,
            id: request_id,
        } = asking;
        // Held until it is begun, so that its end is either joined or seen.
        let state = slot.state();
        let now = self.clock.now();
        if let Some((at, denied)) = &state.refused
            && now.duration_since(*at).abs() < REFUSAL_TTL
        {
            return Issuing::Refused(denied.clone());
        }
        let key = (caller.id.clone(), request.clone());
        let issuing = &self.hand_outs.issuing;
        Issuing::UnderWay(issuing.join_or_start(OPERATION, key, || {
            let (broker, slot) = (self.clone(), slot.clone());
            let (caller, request) = (caller.clone(), request.clone());
            let request_id = request_id.clone();
            // Tracked, so that the database is not closed before it has ended.
            let task = self.tasks.spawn(async move {
                let issued = broker.issue(&caller, &request, &request_id).await;
                let outcome = issued.map(Arc::new).map_err(Arc::new);
                let mut state = slot.state();
                let now = broker.clock.now();
                match &outcome {
                    Ok(issued) => {
                        state.hold(issued.clone(), now);
                        state.refused = None;
                    }
                    Err(denied) => state.refused = Some((now, denied.clone())),
                }
                drop(state);
                outcome
            });
            async move {
                task.await.unwrap_or_else(|_| {
                    Err(Arc::new(Denied::Away {
                        system: "skykey",
                        why: "it is stopping".to_owned(),
                    }))
                })
            }
        }))
    }
}

async fn finish(issuing: Issuing) -> HandedOut {
    match issuing {
        Issuing::Refused(denied) => Err(denied),
        Issuing::UnderWay(flight) => flight.outcome().await.unwrap_or_else(|fault: Fault| {
            Err(Arc::new(Denied::Away {
                system: "skykey",
                why: fault.to_string(),
            }))
        }),
    }
}

/// Whether a system's trouble is the reason, and not the person.
fn is_trouble(denied: &Denied) -> bool {
    matches!(
        denied,
        Denied::Away { .. } | Denied::Upstream { .. } | Denied::Database(_)
    )
}

#[cfg(test)]
mod tests {
    use skykey_types::AccessKeyId;

    use super::*;

    #[test]
    fn leases_are_renewed_with_20_to_25_minutes_left_and_not_all_at_once() {
        let settings = HandOutSettings::default();
        let hour = SignedDuration::from_hours(1);
        let with: Vec<i64> = (0..500)
            .map(|number| LeaseId::of(&AccessKeyId::new(format!("key-{number}"))))
            .map(|id| settings.renew_with(&id, hour).as_secs())
            .collect();
        assert!(with.iter().all(|seconds| (1200..1500).contains(seconds)));
        for minute in 20..25 {
            let in_it = with.iter().filter(|seconds| *seconds / 60 == minute);
            assert!((50..150).contains(&in_it.count()), "minute {minute}");
        }
    }

    #[test]
    fn a_short_lease_is_renewed_when_half_of_it_is_over() {
        let settings = HandOutSettings::default();
        let id = LeaseId::of(&AccessKeyId::new("key"));
        let whole = SignedDuration::from_mins(15);
        assert_eq!(settings.renew_with(&id, whole), whole / 2);
    }
}
