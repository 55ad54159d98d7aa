//! What every system has to have: it answers, by TLS, and its clock shows our time.

use bytes::Bytes;
use hyper::Request;
use skykey_types::{Clock, SignedDuration, Timestamp};
use skykey_upstream::{Answer, Call, Fault, Upstream, is_this_machine};
use url::Url;

use crate::advice::Advice;
use crate::section::{Because, NotWell, Section, Seen};

/// So far may clocks be apart: what skykey forgives in tokens.
const APART: SignedDuration = SignedDuration::from_secs(60);
/// So far apart, signatures are refused.
const TOO_FAR: SignedDuration = SignedDuration::from_mins(15);

/// A system, for words about it.
pub struct System<'a> {
    /// How the names of its checks begin.
    pub prefix: &'static str,
    /// In a sentence.
    pub name: &'static str,
    /// Something there that anybody may ask for.
    pub url: &'a Url,
    /// What to do about it.
    pub advice: Advice,
}

/// What came of it.
pub struct Contact {
    /// Whether it answers at all.
    pub reached: Result<(), Because>,
    /// Whether nobody reads along.
    pub secure: Result<(), Because>,
    /// Whether it answers, and its clock and ours are close enough for signatures.
    pub in_time: Result<(), Because>,
}

/// Asks for something that everybody may see.
pub async fn examine(
    clock: &dyn Clock,
    section: &Section,
    upstream: &Upstream,
    system: System<'_>,
) -> Contact {
    let System { prefix, name, .. } = system;
    let unreachable = format!("{name} cannot be reached");
    let before = clock.now();
    let mut answer = None;
    let reachable = section
        .check(&format!("{prefix}-reachable"), &unreachable, async {
            let asked = ask(upstream, system.url).await;
            let seen = reachable(&system, &asked);
            answer = Some(asked);
            seen
        })
        .await;
    let after = clock.now();
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
            time(&system, skew)
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
        secure,
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
    let System {
        name, url, advice, ..
    } = system;
    let place = url.origin().ascii_serialization();
    match outcome {
        Ok(answer) if answer.is_outage() => Err(NotWell::failed(
            format!("{place} answers with {}", answer.status),
            advice.in_trouble(name),
        )),
        Ok(_) => Ok(((), format!("{place} answers"))),
        Err(fault) if is_tls(fault) => Ok(((), format!("{place} accepts connections"))),
        Err(Fault::Unreachable { why, .. }) => Err(NotWell::failed(
            format!("no connection to {place}: {why}"),
            advice.unreachable(name),
        )),
        Err(fault) => Err(NotWell::failed(
            format!("{place}: {fault}"),
            advice.silent(name),
        )),
    }
}

fn tls(system: &System<'_>, outcome: Option<&Result<Answer, Fault>>) -> Seen {
    let System {
        name, url, advice, ..
    } = system;
    if let Some(Err(fault)) = outcome {
        return Err(NotWell::failed(fault.to_string(), advice.no_trust(name)));
    }
    if url.scheme() == "https" {
        return Ok(((), "encrypted, with a trusted certificate".to_owned()));
    }
    if is_this_machine(url) {
        return Ok(((), "none, and none is needed on one machine".to_owned()));
    }
    Err(NotWell::failed(
        "none: anybody on the network can read everything",
        advice.in_clear(name),
    ))
}

/// Whether a connection stood and TLS did not. The words are rustls's.
fn is_tls(fault: &Fault) -> bool {
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
fn apart(date: Timestamp, before: Timestamp, after: Timestamp) -> SignedDuration {
    let end = date + SignedDuration::from_secs(1);
    if end < before {
        end.duration_since(before)
    } else if date > after {
        date.duration_since(after)
    } else {
        SignedDuration::ZERO
    }
}

fn time(system: &System<'_>, skew: Option<SignedDuration>) -> Seen {
    let System { name, advice, .. } = system;
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
        advice.clock(name, skew.abs() > TOO_FAR),
    ))
}

fn side(skew: SignedDuration) -> &'static str {
    if skew.is_negative() {
        "behind"
    } else {
        "ahead of"
    }
}

fn words(skew: SignedDuration) -> String {
    let seconds = skew.as_secs().unsigned_abs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        _ => format!("{} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(url: &Url, advice: Advice) -> System<'_> {
        System {
            prefix: "echo",
            name: "Echo",
            url,
            advice,
        }
    }

    #[test]
    fn clocks_are_apart_by_no_more_than_is_sure() {
        let second = |s| Timestamp::from_second(s).unwrap();
        let apart = |date| apart(second(date), second(100), second(102)).as_secs();
        assert_eq!([98, 99, 102, 103, 1302].map(apart), [-1, 0, 0, 1, 1200]);
    }

    #[test]
    fn a_minute_is_forgiven_and_twenty_are_not() {
        let url = "https://echo.example.org/".parse().unwrap();
        for (advice, words) in [
            (
                Advice::Operator {
                    key: "[echo] endpoint",
                },
                "Echo",
            ),
            (Advice::Person, "signatures are refused"),
        ] {
            let system = system(&url, advice);
            let seen = |seconds| time(&system, Some(SignedDuration::from_secs(seconds)));
            assert_eq!(seen(0).unwrap().1, "shows our time");
            assert_eq!(seen(-60).unwrap().1, "60 s behind");
            let Err(NotWell::Failed { found, remedy }) = seen(-1200) else {
                panic!("20 minutes were forgiven")
            };
            assert_eq!(found, "20 min behind this machine's");
            assert!(remedy.contains("this machine's clock") && remedy.contains(words));
            assert!(time(&system, None).is_ok());
        }
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
            let system = system(&url, Advice::Person);
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
