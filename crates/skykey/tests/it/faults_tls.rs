//! Certificates that must not be believed, before each system.

use std::time::{Duration, Instant};

use tokio_rustls::TlsAcceptor;

use crate::fault_proxy::Proxy;
use crate::fault_proxy::tls::Authority;
use crate::faults::{GRACE, Site, Special, UNUSED};

/// Expired, of another host, of nobody known: nothing is sent there, the person is told which system it
/// is about and that it is the certificate, and a good one is enough to go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_certificate_is_an_outage_of_its_system() {
    let special = Special {
        authority: Some(Authority::new()),
        ..Special::default()
    };
    let mut site = Site::start(None, special).await;
    let credentials = site.lease("bob", "sts-lite").await;
    let authority = site.authority.take().unwrap();
    let bad = [
        ("expired", authority.certify("127.0.0.1", 2021)),
        (
            "another host's",
            authority.certify("elsewhere.example.org", 2100),
        ),
        ("nobody's", Authority::new().certify("127.0.0.1", 2100)),
    ];
    for (kind, certificate) in bad {
        for system in ["Keystone", "STS", "the IAM"] {
            let what = format!("{kind} certificate of {system}");
            if system == "Keystone" {
                // So that it has to be asked.
                site.grow_cold().await;
                site.clock.advance(UNUSED);
            }
            let token = site.token("bob").await;
            if system == "the IAM" {
                let report = site.world.broker().watch_once().await.unwrap();
                assert_eq!(report.unanswered, 0, "{what}");
                site.clock.advance(GRACE * 2);
            }
            site.heal();
            proxy(&site, system).speak(Some(certificate.clone()));
            let answer = site.ask_with(&token, "sts-lite").await;
            answer.assert_refused(&what, 503, "upstream_away", system);
            let message = answer.body["error"]["message"].as_str().unwrap();
            assert!(message.contains("certificate"), "{what}: {message}");
            assert_eq!(proxy(&site, system).came("", ""), 0, "{what}");
            let report = site.world.broker().watch_once().await.unwrap();
            assert_eq!(report.revoked, 0, "{what}");

            proxy(&site, system).speak(Some(good(&authority)));
            let until = Instant::now() + Duration::from_secs(20);
            while site.ask_with(&token, "sts-lite").await.status != 201 {
                assert!(Instant::now() < until, "{what}: it is not found again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(credentials);
    site.stop().await;
}

fn good(authority: &Authority) -> TlsAcceptor {
    authority.certify("127.0.0.1", 2100)
}

fn proxy<'a>(site: &'a Site, system: &str) -> &'a Proxy {
    match system {
        "Keystone" => &site.keystone,
        "STS" => &site.echo,
        _ => &site.iam,
    }
}
