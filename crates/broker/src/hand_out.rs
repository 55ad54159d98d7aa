//! Handing the same credentials out again: what asks for credentials whenever it starts (a notebook's
//! kernel, a tool, the next one) gets the same lease until little is left of it, then a new one.
//!
//! They are in memory only, one set for each person and wish, and go when their lease is revoked.
//! Handing out again asks nobody: whoever has a live lease is watched. A new lease is issued beside the
//! request, as any other, by one asker at a time: who gives up waiting finds it made when they ask again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use skykey_types::{LeaseId, Person, SignedDuration, SubjectId, Survey, Timestamp};

use crate::database::Audit;
use crate::{Broker, Caller, Denied, Issued, Wish};

/// With less left than this, credentials are no help.
const LEAST: SignedDuration = SignedDuration::from_secs(60);
/// Clients ask again at once; a no is repeated for so long without a new look.
const REFUSED: SignedDuration = SignedDuration::from_secs(5);

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
    /// How much is left of a lease when it is renewed. It follows from the lease's id, so that it is the
    /// same whenever it is asked.
    fn renew_with(&self, id: &LeaseId, whole: SignedDuration) -> SignedDuration {
        let digits = id.as_str().trim_start_matches("lease-").get(..6);
        let random = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let share = f64::from(random.unwrap_or_default()) / f64::from(1 << 24);
        (self.renew_at + self.spread.mul_f64(share)).min(whole / 2)
    }
}

/// All that is held.
#[derive(Default)]
pub(crate) struct HandOuts(Mutex<HashMap<(SubjectId, Wish), Arc<Slot>>>);

#[derive(Default)]
struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    held: Option<Arc<Issued>>,
    refused: Option<(Timestamp, Arc<Denied>)>,
    /// `None` is what it comes to if the runtime stops.
    under_way: Option<UnderWay>,
}

type UnderWay = Shared<BoxFuture<'static, Option<HandedOut>>>;

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

/// When held credentials are over, by our clock. One that is behind the store's must not hand out what the
/// store no longer takes.
fn end(held: &Issued) -> Option<Timestamp> {
    let expires = held.lease.expires?;
    Some(expires.min(held.lease.issued + held.lifetime))
}

impl HandOuts {
    fn slots(&self) -> MutexGuard<'_, HashMap<(SubjectId, Wish), Arc<Slot>>> {
        self.0.lock().expect("nobody panics while holding it")
    }

    fn slot(&self, id: &SubjectId, wish: &Wish) -> Arc<Slot> {
        self.slots()
            .entry((id.clone(), wish.clone()))
            .or_default()
            .clone()
    }

    /// Forgets the credentials of a lease that was revoked.
    pub(crate) fn forget(&self, lease: &LeaseId) {
        for slot in self.slots().values() {
            let mut state = slot.state();
            if state
                .held
                .as_ref()
                .is_some_and(|held| held.lease.id == *lease)
            {
                state.held = None;
            }
        }
    }

    /// Forgets what has ended.
    pub(crate) fn prune(&self, now: Timestamp) {
        self.slots().retain(|_, slot| {
            let state = slot.state();
            let lives = |end: Option<Timestamp>| end.is_none_or(|end| end > now);
            state.under_way.is_some()
                || state
                    .held
                    .as_ref()
                    .is_some_and(|held| lives(held.lease.expires))
                || state
                    .refused
                    .as_ref()
                    .is_some_and(|(at, _)| now.duration_since(*at).abs() < REFUSED)
        });
    }
}

impl Broker {
    /// Credentials as wished: those that this person already has from here, as long as enough is left
    /// of them, otherwise new ones. While new ones cannot be had because a system is away, the old
    /// ones go on until a minute before their end. `wish` comes from a site's configuration; for each
    /// different one of each person one set is held.
    pub async fn hand_out(self: &Arc<Self>, caller: &Caller, wish: &Wish) -> HandedOut {
        let Some(survey) = self.surveys.named(&wish.survey) else {
            return self
                .issue(caller, wish)
                .await
                .map(Arc::new)
                .map_err(Arc::new);
        };
        let slot = self.hand_outs.slot(&caller.id, wish);
        let Some((held, left)) = self.held(&slot) else {
            return self.finish(&slot, self.begin(&slot, caller, wish)).await;
        };
        let whole = left + self.clock.now().duration_since(held.lease.issued);
        if left <= self.settings.hand_out.renew_with(&held.lease.id, whole) {
            let under_way = self.begin(&slot, caller, wish);
            let least = LEAST.min(whole / 4);
            if left <= least {
                return self.finish(&slot, under_way).await;
            }
            let patience = self.settings.hand_out.patience;
            let fresh = self.finish(&slot, under_way);
            match tokio::time::timeout(patience, fresh).await {
                Ok(Ok(issued)) => return Ok(issued),
                Ok(Err(denied)) if !is_trouble(&denied) => return Err(denied),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        self.again(caller, wish, survey, &slot, held).await
    }

    /// Credentials that were handed out before, `issued`, again, as long as they live: for somebody who is
    /// known to have them, while nobody can say who they are, or whether they may. New ones are never issued,
    /// and nobody is asked: the IAM's last word counts, however old it is, since the lease lives on as long
    /// as there is no other.
    pub async fn hand_out_same(
        &self,
        caller: &Caller,
        wish: &Wish,
        issued: &Arc<Issued>,
    ) -> Option<HandedOut> {
        let survey = self.surveys.named(&wish.survey)?;
        let lives = end(issued).is_some_and(|end| end > self.clock.now());
        if !lives || issued.lease.subject != caller.id || issued.lease.survey != survey.name {
            return None;
        }
        let person = self.last_word(&caller.id)?;
        let admitted = self.check_again(&person, survey, issued);
        let slot = self.hand_outs.slot(&caller.id, wish);
        let outcome = self.again_if(admitted, caller, wish, &slot, issued.clone());
        Some(outcome.await)
    }

    /// What is held and still works, and for how long it does.
    fn held(&self, slot: &Slot) -> Option<(Arc<Issued>, SignedDuration)> {
        let mut state = slot.state();
        let held = state.held.clone()?;
        let left = end(&held)?.duration_since(self.clock.now());
        if left <= SignedDuration::ZERO || self.check_revoked(&held.lease.id).is_err() {
            state.held = None;
            return None;
        }
        Some((held, left))
    }

    /// Hands out again, unless the person is no longer a member or the survey's readers can write.
    async fn again(
        &self,
        caller: &Caller,
        wish: &Wish,
        survey: &Survey,
        slot: &Slot,
        held: Arc<Issued>,
    ) -> HandedOut {
        let admitted = async {
            let person = self.person_lately(caller).await?;
            self.check_again(&person, survey, &held)
        };
        self.again_if(admitted.await, caller, wish, slot, held)
            .await
    }

    fn check_again(&self, person: &Person, survey: &Survey, held: &Issued) -> Result<(), Denied> {
        let lease = &held.lease;
        if !person.active || self.has_ended(person) {
            return Err(Denied::NoAccount(person.username.clone()));
        }
        self.check_member(person, survey, lease.access)?;
        self.check_not_seen_to_write(survey, lease.method, lease.access)?;
        // It may have been revoked while we asked.
        self.check_revoked(&lease.id)
    }

    /// What is held, or why not, which is written down; a no that is the person's ends it.
    async fn again_if(
        &self,
        admitted: Result<(), Denied>,
        caller: &Caller,
        wish: &Wish,
        slot: &Slot,
        held: Arc<Issued>,
    ) -> HandedOut {
        let Err(denied) = admitted else {
            return Ok(held);
        };
        let lease = &held.lease;
        let audit = Audit {
            survey: Some(wish.survey.clone()),
            method: Some(lease.method.to_string()),
            lease: Some(lease.id.clone()),
            ..Audit::no(self.clock.now(), caller, "issue", &denied)
        };
        if !is_trouble(&denied) {
            slot.state().held = None;
        }
        self.database
            .audit(&audit)
            .await
            .map_err(|error| Arc::new(error.into()))?;
        Err(Arc::new(denied))
    }

    /// Issues beside the request, unless that is under way or was refused just now.
    fn begin(self: &Arc<Self>, slot: &Arc<Slot>, caller: &Caller, wish: &Wish) -> UnderWay {
        let mut state = slot.state();
        if let Some(under_way) = &state.under_way {
            return under_way.clone();
        }
        let now = self.clock.now();
        if let Some((at, denied)) = &state.refused
            && now.duration_since(*at).abs() < REFUSED
        {
            let denied = denied.clone();
            return async move { Some(Err(denied)) }.boxed().shared();
        }
        let (broker, task_slot) = (self.clone(), slot.clone());
        let (caller, wish) = (caller.clone(), wish.clone());
        let task = tokio::spawn(async move {
            let issued = broker.issue(&caller, &wish).await;
            let outcome = issued.map(Arc::new).map_err(Arc::new);
            let mut state = task_slot.state();
            state.under_way = None;
            match &outcome {
                Ok(issued) => {
                    state.held = Some(issued.clone());
                    state.refused = None;
                }
                Err(denied) => state.refused = Some((broker.clock.now(), denied.clone())),
            }
            drop(state);
            outcome
        });
        let under_way = async move { task.await.ok() }.boxed().shared();
        // The task cannot have ended: it needs the state, which is ours.
        state.under_way = Some(under_way.clone());
        under_way
    }

    async fn finish(&self, slot: &Slot, under_way: UnderWay) -> HandedOut {
        if let Some(outcome) = under_way.await {
            return outcome;
        }
        slot.state().under_way = None;
        Err(Arc::new(Denied::Away {
            system: "skykey",
            why: "it is stopping".to_owned(),
        }))
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
