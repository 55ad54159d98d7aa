//! What every system has to have: it answers, by TLS, and its clock shows our time.

use bytes::Bytes;
use hyper::Request;
use skykey_types::{SignedDuration, Timestamp};
use skykey_upstream::{Answer, Call, Fault, Upstream};
use url::{Host, Url};

use super::At;
use super::section::{Because, NotWell, Section, Seen};

/// So far may clocks be apart: what skykey forgives in tokens.
pub(crate) const APART: SignedDuration = SignedDuration::from_secs(60);
/// So far apart, signatures are refused.
pub(crate) const TOO_FAR: SignedDuration = SignedDuration::from_mins(15);

/// A system, for words about it.
pub(super) struct System<'a> {
    /// How the names of its checks begin.
    pub(super) prefix: &'static str,
    /// In a sentence.
    pub(super) name: &'static str,
    /// Where its address is in the configuration.
    pub(super) key: &'static str,
    /// Something there that anybody may ask for.
    pub(super) url: &'a Url,
}

/// What came of it.
pub(super) struct Contact {
    /// Whether it answers at all.
    pub(super) reached: Result<(), Because>,
    /// Whether it answers, and its clock and ours are close enough for signatures.
    pub(super) in_time: Result<(), Because>,
}

/// Asks for something that everybody may see.
pub(super) async fn examine(
    at: &At,
    section: &Section,
    upstream: &Upstream,
    system: System<'_>,
) -> Contact {
    let System { prefix, name, .. } = system;
    let unreachable = format!("{name} cannot be reached");
    let before = at.clock.now();
    let mut answer = None;
    let reachable = section
        .check(&format!("{prefix}-reachable"), &unreachable, async {
            let asked = ask(upstream, system.url).await;
            let seen = reachable(&system, &asked);
            answer = Some(asked);
            seen
        })
        .await;
    let after = at.clock.now();
    let secure = section
        .check(
            &format!("{prefix}-tls"),
            &format!("there is no trusted connection to {name}"),
            async {
                reachable.as_ref()?;
                tls(&system, answer.as_ref())
            },
        )
        .await;
    // Without TLS where it should be, all else can still be looked at.
    let answered = match (&reachable, &secure, &answer) {
        (Err(because), ..) | (_, Err(because), Some(Err(_))) => Err(because.clone()),
        _ => Ok(()),
    };
    let mut skew = None;
    let _ = section
        .check(&format!("{prefix}-clock"), "", async {
            answered.as_ref()?;
            let date = answer
                .as_ref()
                .and_then(|answer| answer.as_ref().ok()?.date());
            skew = date.map(|date| apart(date, before, after));
            clock(name, skew)
        })
        .await;
    let in_time = match skew {
        Some(skew) if skew.abs() > TOO_FAR => Err(Because(format!(
            "the clocks of {name} and of this machine are {} apart",
            words(skew)
        ))),
        _ => answered.clone(),
    };
    Contact {
        reached: answered,
        in_time,
    }
}

async fn ask(upstream: &Upstream, url: &Url) -> Result<Answer, Fault> {
    let operation = "reach it";
    let request = Request::get(url.as_str())
        .body(Bytes::new())
        .map_err(|error| Fault::Unreachable {
            system: upstream.system(),
            operation,
            why: error.to_string(),
        })?;
    upstream.send(&Call::new(operation, request)).await
}

fn reachable(system: &System<'_>, outcome: &Result<Answer, Fault>) -> Seen {
    let System { name, key, url, .. } = system;
    let place = url.origin().ascii_serialization();
    match outcome {
        Ok(answer) if answer.is_outage() => Err(NotWell::failed(
            format!("{place} answers with {}", answer.status),
            format!("{name}, or a proxy before it, is in trouble; see its own log"),
        )),
        Ok(_) => Ok(((), format!("{place} answers"))),
        Err(fault) if is_tls(fault) => Ok(((), format!("{place} takes connections"))),
        Err(Fault::Unreachable { why, .. }) => Err(NotWell::failed(
            format!("no connection to {place}: {why}"),
            format!(
                "compare the address with {key}, then see whether {name} runs and no firewall is between"
            ),
        )),
        Err(fault) => Err(NotWell::failed(
            format!("{place}: {fault}"),
            format!(
                "see whether {name} runs and no firewall is between, and that {key} is its address"
            ),
        )),
    }
}

fn tls(system: &System<'_>, outcome: Option<&Result<Answer, Fault>>) -> Seen {
    let System { name, key, url, .. } = system;
    if let Some(Err(fault)) = outcome {
        let table = key.split(']').next().unwrap_or_default();
        return Err(NotWell::failed(
            fault.to_string(),
            format!(
                "if its certificate is of an authority of your own, name that in {table}] authorities; if it has ended or is for another name, {name} needs a new one; if there is no TLS at all, write http:// in {key}"
            ),
        ));
    }
    if url.scheme() == "https" {
        return Ok((
            (),
            "encrypted, by a certificate that is believed".to_owned(),
        ));
    }
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if here {
        return Ok(((), "none, and none is needed on one machine".to_owned()));
    }
    Err(NotWell::failed(
        "none: passwords and keys travel in clear",
        format!("write the https address of {name} in {key}"),
    ))
}

/// Whether a connection stood and TLS did not. The words are rustls's.
pub(crate) fn is_tls(fault: &Fault) -> bool {
    let Fault::Unreachable { why, .. } = fault else {
        return false;
    };
    [
        "certificate",
        "handshake",
        "corrupt message",
        "TLS",
        "tls",
        "received fatal alert",
    ]
    .iter()
    .any(|word| why.contains(word))
}

/// How far a system's clock is ahead of ours, at the least: it answered at some time in between, and its
/// word has no fractions of seconds.
pub(crate) fn apart(date: Timestamp, before: Timestamp, after: Timestamp) -> SignedDuration {
    let end = date + SignedDuration::from_secs(1);
    if end < before {
        end.duration_since(before)
    } else if date > after {
        date.duration_since(after)
    } else {
        SignedDuration::ZERO
    }
}

fn clock(name: &str, skew: Option<SignedDuration>) -> Seen {
    let Some(skew) = skew else {
        return Ok(((), "it does not say what time it is".to_owned()));
    };
    if skew.abs() <= APART {
        let found = match skew.as_secs() {
            0 => "shows our time".to_owned(),
            _ => format!("{} {}", words(skew), side(skew)),
        };
        return Ok(((), found));
    }
    Err(NotWell::failed(
        format!("{} {} this machine's", words(skew), side(skew)),
        format!(
            "set this machine's clock (timedatectl set-ntp true); if the other systems agree with it, tell the operators of {name}. From 15 minutes on, signatures are refused"
        ),
    ))
}

pub(crate) fn side(skew: SignedDuration) -> &'static str {
    if skew.is_negative() {
        "behind"
    } else {
        "ahead of"
    }
}

pub(crate) fn words(skew: SignedDuration) -> String {
    let seconds = skew.as_secs().unsigned_abs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        _ => format!("{} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_by_no_more_than_is_sure() {
        let second = |s| Timestamp::from_second(s).unwrap();
        let apart = |date| apart(second(date), second(100), second(102)).as_secs();
        assert_eq!([98, 99, 102, 103, 1302].map(apart), [-1, 0, 0, 1, 1200]);
    }

    #[test]
    fn a_minute_is_forgiven_and_twenty_are_not() {
        let seen = |seconds| clock("Keystone", Some(SignedDuration::from_secs(seconds)));
        assert_eq!(seen(0).unwrap().1, "shows our time");
        assert_eq!(seen(-60).unwrap().1, "60 s behind");
        let Err(NotWell::Failed { found, remedy }) = seen(-1200) else {
            panic!("20 minutes were forgiven")
        };
        assert_eq!(found, "20 min behind this machine's");
        assert!(remedy.contains("Keystone"));
        assert!(clock("Keystone", None).is_ok());
    }

    #[test]
    fn a_certificate_that_is_not_believed_is_no_lack_of_a_connection() {
        let fault = |why: &str| Fault::Unreachable {
            system: "Echo",
            operation: "reach it",
            why: why.to_owned(),
        };
        assert!(is_tls(&fault(
            "client error (Connect): invalid peer certificate: UnknownIssuer"
        )));
        assert!(is_tls(&fault(
            "client error (Connect): received corrupt message of type InvalidContentType"
        )));
        assert!(!is_tls(&fault(
            "tcp connect error: Connection refused (os error 111)"
        )));
    }

    #[test]
    fn plain_http_is_for_one_machine() {
        let seen = |url: &str| {
            let url = url.parse().unwrap();
            let system = System {
                prefix: "echo",
                name: "Echo",
                key: "[echo] endpoint",
                url: &url,
            };
            tls(&system, None).is_ok()
        };
        for good in [
            "https://s3.example.org/",
            "http://127.0.0.1:1/",
            "http://[::1]/",
            "http://localhost/",
        ] {
            assert!(seen(good), "{good}");
        }
        assert!(!seen("http://s3.example.org/"));
        assert!(!seen("http://10.0.0.1/"));
    }
}
