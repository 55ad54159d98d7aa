//! Five hundred notebook servers at one portal, with a Keystone that takes two seconds for everything and an
//! Echo that fails now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use skykey_types::{AccessKeyId, Clock, LeaseId, SignedDuration, Timestamp};
use skykey_upstream::Timeouts;

use crate::fault_proxy::Fault;
use crate::faults::{Site, Special};
use crate::notebooks::{FakeHub, Server};

/// With a server each.
const ALONE: usize = 400;
/// With several servers each.
const BUSY: usize = 10;
const SERVERS_OF_BUSY: usize = 10;
/// Times that everybody gets new credentials, with the first.
const ROUNDS: usize = 4;
const STEP: SignedDuration = SignedDuration::from_mins(1);

/// A slow Keystone is waited for.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    attempt: Duration::from_secs(10),
    total: Duration::from_secs(20),
    pause: Duration::from_secs(2),
};

/// What the servers were seen to hold.
#[derive(Default)]
struct Seen {
    /// Whose each session token is.
    owners: BTreeMap<String, String>,
    /// Everybody's access key ids.
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl Seen {
    /// That every server holds what works, and nobody what is another's.
    fn look(&mut self, servers: &[Server], now: Timestamp) {
        for server in servers {
            let held = server.held.as_ref().unwrap();
            assert!(held.end > now, "{now}: {} has nothing", server.name);
            let token = held.credentials.session_token.as_ref().unwrap();
            let owner = self.owners.entry(token.expose().to_owned());
            let owner = owner.or_insert_with(|| server.name.clone());
            assert_eq!(*owner, server.name, "two people have one session token");
            let keys = self.keys.entry(server.name.clone()).or_default();
            keys.insert(held.key().to_owned());
        }
    }

    /// Whether everybody has had so many.
    fn rounds(&self) -> usize {
        self.keys.values().map(BTreeSet::len).min().unwrap()
    }

    /// That nobody was issued anything beside; how many leases there are.
    async fn check_leases(&self, site: &Site) -> usize {
        let mut issued = 0;
        for (name, keys) in &self.keys {
            let leases = site.world.broker().leases(&site.caller(name).id).await;
            let leases: BTreeSet<_> = leases.unwrap().into_iter().map(|lease| lease.id).collect();
            let held: BTreeSet<_> = keys
                .iter()
                .map(|key| LeaseId::of(&AccessKeyId::new(key)))
                .collect();
            assert_eq!(leases, held, "{name} was issued what nobody holds");
            issued += leases.len();
        }
        issued
    }
}

/// The servers of everybody.
fn start_servers(hub: &FakeHub, site: &Site) -> Vec<Server> {
    let portal = &site.world.up_file().portal;
    let mut servers = Vec::new();
    for person in 0..ALONE + BUSY {
        let count = if person < ALONE { 1 } else { SERVERS_OF_BUSY };
        for which in 0..count {
            servers.push(hub.start_server(portal, &format!("p{person}"), which));
        }
    }
    servers
}

/// All servers sign a request, at once. The errors that people see.
async fn everybody_signs(servers: &mut Vec<Server>, site: &Site) -> Vec<String> {
    let now = site.clock.now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut server in servers.drain(..) {
        tasks.spawn(async move {
            let error = server.sign(now).await.err();
            (server, error)
        });
    }
    let mut errors = Vec::new();
    for (server, error) in tasks.join_all().await {
        errors.extend(error);
        servers.push(server);
    }
    errors
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_servers_are_never_without_credentials_whatever_the_weather() {
    let hub = FakeHub::start().await;
    let special = Special {
        class: ALONE + BUSY,
        hub: Some(hub.url()),
        timeouts: Some(TIMEOUTS),
        ..Special::default()
    };
    let site = Site::start(None, special).await;
    site.heal();
    let slow = Fault::Slow(Duration::from_secs(2));
    site.keystone.always("", "", slow);
    let faults = [503, 500].map(Fault::status);
    let resets = [Fault::ResetBefore, Fault::ResetAfter];
    site.echo.weather(5, [faults, resets].concat(), 4);
    let mut servers = start_servers(&hub, &site);
    assert_eq!(servers.len(), 500);

    // A person whose first cell gets nothing in three tries runs it again.
    let begun = Instant::now();
    let mut again = 0;
    while !everybody_signs(&mut servers, &site).await.is_empty() {
        again += 1;
        assert!(again < 5, "some servers still fail after five tries");
    }
    let took = begun.elapsed().as_secs_f64();
    println!("500 servers began in {took:.1} s, {again} times cells were run again");
    let mut seen = Seen::default();
    seen.look(&servers, site.clock.now());
    let mut minutes = 0;
    while seen.rounds() < ROUNDS {
        assert!(minutes < 60 * 4, "they are not renewed");
        site.clock.advance(STEP);
        minutes += 1;
        site.world.broker().upkeep_once().await;
        if minutes % 30 == 0 {
            let report = site.world.broker().watch_once().await.unwrap();
            assert_eq!((report.revoked, report.unanswered), (0, 0));
            // What they hold is real.
            for server in servers.iter().step_by(50) {
                let held = server.held.as_ref().unwrap();
                assert_eq!(site.read(&held.credentials).await, 200);
            }
        }
        let errors = everybody_signs(&mut servers, &site).await;
        assert!(errors.is_empty(), "minute {minutes}: {errors:?}");
        seen.look(&servers, site.clock.now());
    }

    let issued = seen.check_leases(&site).await;
    let keystone = site.keystone.came("", "");
    let sts = site.echo.came("POST", "/");
    println!(
        "{minutes} minutes, {issued} leases: {keystone} requests to Keystone, {sts} to STS, {} to SCIM, {} to the hub",
        site.iam.came("", "/scim/"),
        hub.asked()
    );
    // A login for an hour or so, and nothing for each lease.
    assert!(keystone <= 12, "{keystone} requests to Keystone");
    // One for each lease, those that failed again, and skykey's own to keep warm and to prove.
    let most = issued * 115 / 100 + 50;
    assert!((issued..=most).contains(&sts), "{sts} requests to STS");
    // Each time that a server asks, at most.
    assert!(hub.asked() <= 500 * (ROUNDS + 2), "{}", hub.asked());
    site.stop().await;
}
