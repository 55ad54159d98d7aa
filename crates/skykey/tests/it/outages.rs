//! What a running notebook sees while something is away, and while clocks are wrong; and that nothing fails
//! open. docs/operations.md says the same in a table.

use std::time::{Duration, Instant};

use skykey_types::{Clock, RequestId, SignedDuration};
use skykey_upstream::Timeouts;

use crate::fault_proxy::Fault;
use crate::faults::{GRACE, Site, Special};
use crate::notebooks::{FakeHub, Health, Server};
use crate::world::TestWorld;

/// A minute goes by at a time.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

struct Notebook {
    site: Site,
    hub: FakeHub,
    server: Server,
    minute: i64,
    began: skykey_types::Timestamp,
}

impl Notebook {
    /// bob's server has just got its first credentials, for an hour.
    async fn start() -> Self {
        Self::start_with(Special::default()).await
    }

    async fn start_with(special: Special) -> Self {
        let hub = FakeHub::start().await;
        let special = Special {
            hub: Some(hub.url()),
            ..special
        };
        let site = Site::start(None, special).await;
        site.heal();
        let server = hub.start_server(&site.world.up_file().portal, "bob", 0);
        let began = site.clock.now();
        let mut notebook = Self {
            site,
            hub,
            server,
            minute: 0,
            began,
        };
        notebook.sign().await.unwrap();
        notebook
    }

    /// The client signs a request: its access key id, or what the person sees.
    async fn sign(&mut self) -> Result<String, String> {
        let now = self.site.clock.now();
        let held = self.server.sign(now).await?;
        Ok(held.key().to_owned())
    }

    /// Until that minute, with a round of the watch and a request in each.
    async fn run_until(&mut self, minute: i64) -> Vec<Result<String, String>> {
        let mut seen = Vec::new();
        while self.minute < minute {
            self.minute += 1;
            let then = self.began + MINUTE * i32::try_from(self.minute).unwrap();
            self.site
                .clock
                .advance(then.duration_since(self.site.clock.now()));
            self.site.world.broker().watch_once().await.unwrap();
            self.site.world.broker().upkeep_once().await;
            seen.push(self.sign().await);
        }
        seen
    }

    async fn leases(&self) -> usize {
        self.site.leases("bob").await
    }

    /// Until something that was away is found again.
    async fn recover(&mut self) -> String {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            match self.server.ask().await {
                Ok((200, body)) => return body["AccessKeyId"].as_str().unwrap().to_owned(),
                other => assert!(Instant::now() < until, "{other:?}"),
            }
            // A no is repeated for five seconds.
            self.site.clock.advance(SignedDuration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn first(&self) -> String {
        self.server.held.as_ref().unwrap().key().to_owned()
    }

    async fn remove_bob(&self) {
        let directory = &self.site.stand_ins.directory;
        let bob = directory.by_username("bob").unwrap().sub;
        let readers = "m13/readers".parse().unwrap();
        directory.remove_from_group(&bob, &readers).await.unwrap();
    }
}

/// That nobody saw an error, and all signed with `key`.
#[track_caller]
fn assert_all(seen: &[Result<String, String>], key: &str) {
    for (number, seen) in seen.iter().enumerate() {
        assert_eq!(seen.as_deref(), Ok(key), "step {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_iam_is_down_a_notebook_has_what_it_has_to_the_end_and_nothing_new() {
    let mut notebook = Notebook::start().await;
    let first = notebook.first();
    assert_all(&notebook.run_until(38).await, &first);
    notebook.site.iam.always("", "", Fault::ResetBefore);
    // The grace is over at minute 43; from 46 on botocore asks, from 51 on it must be answered.
    assert_all(&notebook.run_until(59).await, &first);
    assert_eq!(notebook.leases().await, 1, "nothing new");
    // A server of the same person's that never had it gets nothing.
    let portal = notebook.site.world.up_file().portal.clone();
    let second = notebook.hub.start_server(&portal, "bob", 1);
    let (status, body) = second.ask().await.unwrap();
    assert_eq!(
        (status, body["code"].as_str()),
        (503, Some("upstream_away"))
    );
    let seen = notebook.run_until(61).await;
    let error = seen[1].as_ref().unwrap_err();
    assert!(error.contains("the IAM"), "{error}");
    assert_eq!(notebook.leases().await, 1);
    notebook.site.heal();
    let second = notebook.recover().await;
    assert_ne!(second, first);
    assert_eq!(notebook.sign().await.unwrap(), second);
    notebook.site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_the_grace_a_notebook_is_renewed_although_the_iam_is_down() {
    let mut notebook = Notebook::start().await;
    let first = notebook.first();
    assert_all(&notebook.run_until(44).await, &first);
    notebook.site.iam.always("", "", Fault::ResetBefore);
    let seen = notebook.run_until(54).await;
    let second = seen[1].clone().unwrap();
    assert_ne!(second, first, "minute 46");
    assert_all(&seen[1..], &second);
    assert_eq!(notebook.leases().await, 2);
    notebook.site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_while_the_iam_is_down_gets_nothing_new_and_is_refused_when_it_is_back() {
    let mut notebook = Notebook::start().await;
    let first = notebook.first();
    notebook.run_until(38).await;
    notebook.site.iam.always("", "", Fault::ResetBefore);
    notebook.remove_bob().await;
    assert_all(&notebook.run_until(48).await, &first);
    assert_eq!(notebook.leases().await, 1);
    notebook.site.heal();
    let until = Instant::now() + Duration::from_secs(30);
    let (status, body) = loop {
        let (status, body) = notebook.server.ask().await.unwrap();
        if status == 403 {
            break (status, body);
        }
        // Before the first look, what it has.
        assert!(
            status == 503 || body["AccessKeyId"] == first.as_str(),
            "{body}"
        );
        assert!(Instant::now() < until, "{status} {body}");
        notebook.site.world.broker().watch_once().await.unwrap();
        notebook.site.clock.advance(SignedDuration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((status, body["code"].as_str()), (403, Some("not_a_member")));
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("m13/readers"), "{message}");
    // And it stays so when the IAM goes away again.
    notebook.site.iam.always("", "", Fault::ResetBefore);
    notebook.site.clock.advance(MINUTE);
    let (status, body) = notebook.server.ask().await.unwrap();
    assert_ne!(status, 200, "{body}");
    assert_eq!(notebook.leases().await, 1);
    notebook.site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_hub_is_down_a_notebook_has_what_it_has_to_the_end_and_nothing_new() {
    let mut notebook = Notebook::start().await;
    let first = notebook.first();
    assert_all(&notebook.run_until(44).await, &first);
    notebook.hub.be(Health::Away);
    assert_all(&notebook.run_until(54).await, &first);
    let portal = notebook.site.world.up_file().portal.clone();
    let second = notebook.hub.start_server(&portal, "bob", 1);
    let (status, body) = second.ask().await.unwrap();
    assert_eq!(
        (status, body["code"].as_str()),
        (503, Some("upstream_away"))
    );
    assert_all(&notebook.run_until(59).await, &first);
    let seen = notebook.run_until(60).await;
    assert!(seen[0].as_ref().unwrap_err().contains("JupyterHub"));
    assert_eq!(notebook.leases().await, 1);
    notebook.hub.be(Health::Well);
    assert_ne!(notebook.recover().await, first);
    notebook.site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_hangs_keeps_no_notebook_from_what_it_has() {
    let mut notebook = Notebook::start().await;
    let first = notebook.first();
    assert_all(&notebook.run_until(44).await, &first);
    notebook.hub.be(Health::Hangs);
    // From minute 45 on it asks, from 50 on it must be answered, and is within botocore's two seconds.
    assert_all(&notebook.run_until(52).await, &first);
    for _ in 0..3 {
        let (status, body) = notebook.server.ask().await.unwrap();
        assert_eq!((status, body["AccessKeyId"].as_str()), (200, Some(&*first)));
    }
    notebook.site.stop().await;
}

/// Found by hand: what the hub had refused was handed out as soon as it was away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_hub_refused_gets_nothing_while_the_hub_is_away() {
    let notebook = Notebook::start().await;
    notebook.hub.stop_server(&notebook.server);
    notebook.site.clock.advance(MINUTE);
    assert_eq!(notebook.server.ask().await.unwrap().0, 401);
    for health in [Health::Away, Health::Hangs] {
        notebook.hub.be(health);
        let answer = notebook.server.ask().await;
        assert!(!matches!(answer, Ok((200, _))), "{answer:?}");
    }
    notebook.site.stop().await;
}

/// Looking a name up, asking about the person and issuing take longer than the two seconds for which botocore
/// waits: who asks again finds it done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_longer_than_a_client_waits_is_done_all_the_same() {
    let slow = Special {
        class: 150,
        timeouts: Some(Timeouts {
            connect: Duration::from_secs(5),
            attempt: Duration::from_secs(10),
            total: Duration::from_secs(20),
            pause: Duration::from_secs(1),
        }),
        ..Special::default()
    };
    let mut notebook = Notebook::start_with(slow).await;
    let portal = notebook.site.world.up_file().portal.clone();
    notebook.site.heal();
    notebook.site.clock.advance(SignedDuration::from_hours(1));
    let by = Fault::Slow(Duration::from_millis(1200));
    notebook.site.iam.always("GET", "/scim/Users", by);
    notebook.server = notebook.hub.start_server(&portal, "p7", 0);
    let mut tries = 0;
    while let Err(why) = notebook.sign().await {
        tries += 1;
        assert!(tries < 3, "{why}");
    }
    // One look whether it filters, two pages, and one look at the person.
    assert_eq!(notebook.site.iam.came("GET", "/scim/Users"), 4);
    notebook.site.stop().await;
}

/// skykey's machine is set wrong, the others are right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_whose_clock_jumps_leaves_no_notebook_without_credentials() {
    let mut notebook = Notebook::start().await;
    for (from, ahead) in [
        (30, 20),
        (100, 0),
        (200, -20),
        (300, 0),
        (400, -20),
        (470, 20),
    ] {
        for seen in notebook.run_until(from).await {
            seen.unwrap();
        }
        notebook.site.machine.set(MINUTE * ahead);
        for _ in 0..60 {
            let minute = notebook.minute + 1;
            let seen = notebook.run_until(minute).await;
            seen[0].as_ref().unwrap();
            let held = notebook.server.held.clone().unwrap();
            assert!(held.end > notebook.site.clock.now(), "minute {minute}");
            if minute % 10 == 0 {
                let status = notebook.site.read(&held.credentials).await;
                assert_eq!(status, 200, "minute {minute}, {ahead} minutes ahead");
            }
        }
    }
    notebook.site.stop().await;
}

/// A portal that was started with a clock behind the store's believes that what it got lasts longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_behind_the_store_hands_out_nothing_that_is_over() {
    let mut notebook = Notebook::start().await;
    // So far behind its own database that it does not believe that either.
    notebook.site.machine.set(SignedDuration::from_hours(-13));
    notebook.site = notebook.site.restart().await;
    let portal = notebook.site.world.up_file().portal.clone();
    notebook.server = notebook.hub.start_server(&portal, "bob", 0);
    for minute in 0..150 {
        notebook.sign().await.unwrap();
        let held = notebook.server.held.as_ref().unwrap();
        assert!(held.end > notebook.site.clock.now(), "minute {minute}");
        notebook.site.clock.advance(MINUTE);
        notebook.site.world.broker().watch_once().await.unwrap();
    }
    notebook.site.stop().await;
}

/// The notebook's machine is set wrong. By more than a quarter of an hour no store takes its signatures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notebook_whose_clock_is_wrong_is_renewed_in_time_up_to_a_quarter_of_an_hour() {
    let mut notebook = Notebook::start().await;
    for (off, gap) in [(20, 0), (14, 0), (-14, 0), (-20, 5), (0, 0)] {
        notebook.server.off = MINUTE * off;
        let (mut over, mut keys) = (0, std::collections::BTreeSet::new());
        for _ in 0..180 {
            let minute = notebook.minute + 1;
            let key = notebook.run_until(minute).await.remove(0);
            keys.insert(key.unwrap_or_else(|why| panic!("{off}: {why}")));
            let held = notebook.server.held.as_ref().unwrap();
            over += i32::from(held.end <= notebook.site.clock.now());
        }
        let rounds = i32::try_from(keys.len()).unwrap();
        assert!(rounds >= 3, "{off}: {rounds}");
        assert!(over <= gap * rounds, "{off}: without for {over} minutes");
    }
    notebook.site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_draws_out_no_grace() {
    let notebook = Notebook::start().await;
    let mut site = notebook.site;
    let token = site.token("bob").await;
    assert_eq!(site.ask_with(&token, "sts-lite").await.status, 201);
    site.iam.always("", "", Fault::ResetBefore);
    site.clock.advance(GRACE + SignedDuration::from_secs(1));
    for ahead in [0, -4, -20, -600] {
        site.machine.set(MINUTE * ahead);
        let answer = site.ask_with(&token, "sts-lite").await;
        assert_eq!(answer.status, 503, "{ahead}: {:?}", answer.body);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_brings_no_lease_back_to_life() {
    let mut sky = TestWorld::start().await;
    let hour = SignedDuration::from_hours(1);
    let first = sky
        .lease("bob", "gateway", "3600", "read")
        .await
        .credentials;
    let list = async |sky: &TestWorld, credentials| {
        let (status, answer) = sky.send(credentials, "GET", "m13?list-type=2", "").await;
        let code = answer
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split('<').next());
        (status, code.unwrap_or_default().to_owned())
    };
    let well = (200, String::new());
    assert_eq!(list(&sky, &first).await, well);
    sky.clock.advance(hour);
    let over = list(&sky, &first).await;
    assert_eq!(over.1, "ExpiredToken");
    for back in [1, 20, 600] {
        sky.clock.jump(-MINUTE * back);
        assert_eq!(list(&sky, &first).await, over, "{back} minutes back");
    }
    // Nor does it draw out one that lives.
    let second = sky
        .lease("bob", "gateway", "3600", "read")
        .await
        .credentials;
    sky.clock.advance(hour - SignedDuration::from_secs(2));
    assert_eq!(list(&sky, &second).await, well);
    sky.clock.jump(-MINUTE * 20);
    sky.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(list(&sky, &second).await, over);
    // Nor over a restart: its database knows that it has been later.
    sky.lease("carol", "gateway", "3600", "read").await;
    sky = sky.restart().await;
    assert_eq!(list(&sky, &second).await, over);
    sky.world.stop().await;
}

/// What was pruned because its lease seemed to be over would be believed again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_ran_ahead_for_a_while_forgets_no_revocation() {
    let sky = TestWorld::start().await;
    let issued = sky.lease("bob", "gateway", "3600", "read").await;
    let broker = sky.world.broker();
    let id = issued.lease.id.as_str();
    broker
        .give_back(&sky.caller("bob"), id, &RequestId::new())
        .await
        .unwrap();
    let status = async || {
        let list = sky.send(&issued.credentials, "GET", "m13?list-type=2", "");
        list.await.0
    };
    assert_eq!(status().await, 403);
    for hours in [2, -2] {
        sky.clock.jump(SignedDuration::from_hours(hours));
        broker.watch_once().await.unwrap();
        let refused = status().await;
        assert!((400..=403).contains(&refused), "{hours} hours: {refused}");
    }
    sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_restarts_in_a_row_leave_no_gap_and_lose_no_lease() {
    let mut notebook = Notebook::start().await;
    let first = notebook.first();
    notebook.run_until(90).await;
    let second = notebook.first();
    assert_ne!(second, first);
    // While the portal is down, the notebook uses the credentials that it has.
    notebook
        .server
        .move_to(&"http://127.0.0.1:9/".parse().unwrap());
    assert_all(&notebook.run_until(94).await, &second);
    for _ in 0..2 {
        notebook.site = notebook.site.restart().await;
    }
    let portal = notebook.site.world.up_file().portal.clone();
    notebook.server.move_to(&portal);
    for seen in notebook.run_until(130).await {
        seen.unwrap();
    }
    assert_eq!(
        notebook.leases().await,
        3,
        "a new one in time, and none beside it"
    );
    assert_eq!(
        notebook.site.at_keystone().await.len(),
        1,
        "the same EC2 credential"
    );
    notebook.site.stop().await;
}
