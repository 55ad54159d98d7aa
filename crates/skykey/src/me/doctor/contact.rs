//! The portal and the object store, seen from this machine: they answer, by TLS, and show our time.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Request;
use skykey_types::{Clock, SignedDuration};
use skykey_upstream::{Answer, Call, Fault, Settings, Upstream};
use url::{Host, Url};

use crate::doctor::contact::{APART, TOO_FAR, apart, is_tls, side, words};
use crate::doctor::section::{Because, NotWell, Section, Seen};

/// Who is asked.
pub(super) struct Place {
    /// How the names of its checks begin.
    pub(super) prefix: &'static str,
    /// In a sentence.
    pub(super) name: &'static str,
    /// Its address.
    pub(super) url: Url,
}

/// Three checks; whether all that needs the place can be done.
pub(super) async fn examine(
    section: &Section,
    clock: &Arc<dyn Clock>,
    place: &Place,
) -> Result<(), Because> {
    let Place { prefix, name, .. } = place;
    let before = clock.now();
    let mut outcome = None;
    let reached = section
        .check(
            &format!("{prefix}-reachable"),
            &format!("{name} cannot be reached"),
            async {
                let asked = ask(place).await;
                let seen = reachable(place, &asked);
                outcome = Some(asked);
                seen
            },
        )
        .await;
    let after = clock.now();
    let secure = section
        .check(
            &format!("{prefix}-tls"),
            &format!("there is no trusted connection to {name}"),
            async {
                reached.as_ref()?;
                tls(place, outcome.as_ref())
            },
        )
        .await;
    let answer = outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
    section
        .check(
            &format!("{prefix}-clock"),
            "this machine's clock is wrong",
            async {
                reached.as_ref()?;
                if answer.is_none() {
                    secure.as_ref()?;
                }
                let skew = answer
                    .and_then(Answer::date)
                    .map(|date| apart(date, before, after));
                time(name, skew)
            },
        )
        .await?;
    secure
}

async fn ask(place: &Place) -> Result<Answer, Fault> {
    let operation = "reach it";
    let unreachable = |why: String| Fault::Unreachable {
        system: place.name,
        operation,
        why,
    };
    let upstream =
        Upstream::new(Settings::of(place.name)).map_err(|error| unreachable(error.to_string()))?;
    let request = Request::get(place.url.as_str())
        .body(Bytes::new())
        .map_err(|error| unreachable(error.to_string()))?;
    upstream.send(&Call::new(operation, request)).await
}

fn reachable(place: &Place, outcome: &Result<Answer, Fault>) -> Seen {
    let Place { name, url, .. } = place;
    let address = url.origin().ascii_serialization();
    match outcome {
        Ok(answer) if answer.is_outage() => Err(NotWell::failed(
            format!("{address} answers with {}", answer.status),
            format!(
                "{name} is in trouble; try again in a few minutes, then tell the people who run it"
            ),
        )),
        Ok(_) => Ok(((), format!("{address} answers"))),
        Err(fault) if is_tls(fault) => Ok(((), format!("{address} takes connections"))),
        Err(Fault::Unreachable { why, .. }) => Err(NotWell::failed(
            format!("no connection to {address}: {why}"),
            "see that the address is right and this machine is online; behind a firewall, ask its people to let it through",
        )),
        Err(fault) => Err(NotWell::failed(
            format!("{address}: {fault}"),
            "see that this machine is online, and try again in a few minutes",
        )),
    }
}

fn tls(place: &Place, outcome: Option<&Result<Answer, Fault>>) -> Seen {
    let Place { name, url, .. } = place;
    if let Some(Err(fault)) = outcome {
        return Err(NotWell::failed(
            fault.to_string(),
            format!(
                "the certificate of {name} is not believed here: if this machine's clock is right and nobody reads along, tell the people who run it"
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
        "none: whoever reads along sees the objects",
        format!("ask the people who run {name} for an https address"),
    ))
}

/// A minute is forgiven, as by those who look at tokens.
fn time(name: &str, skew: Option<SignedDuration>) -> Seen {
    let Some(skew) = skew else {
        return Ok(((), "it does not say what time it is".to_owned()));
    };
    let found = format!("{} is {} {} this machine", name, words(skew), side(skew));
    if skew.abs() <= APART {
        return Ok(((), "shows our time".to_owned()));
    }
    let how_bad = if skew.abs() > TOO_FAR {
        "signatures are refused"
    } else {
        "from 15 minutes on signatures are refused"
    };
    Err(NotWell::failed(
        found,
        format!("set this machine's clock (timedatectl set-ntp true): {how_bad}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_forgiven_and_more_is_this_machines_clock() {
        let seen = |seconds| time("the portal", Some(SignedDuration::from_secs(seconds)));
        assert!(seen(0).is_ok() && seen(-60).is_ok() && time("the portal", None).is_ok());
        for (seconds, word) in [
            (120, "from 15 minutes on"),
            (-1200, ": signatures are refused"),
        ] {
            let Err(NotWell::Failed { remedy, .. }) = seen(seconds) else {
                panic!("{seconds} s were forgiven")
            };
            assert!(
                remedy.contains("this machine's clock") && remedy.contains(word),
                "{remedy}"
            );
        }
    }

    #[test]
    fn plain_http_is_for_one_machine() {
        let seen = |url: &str| {
            let place = Place {
                prefix: "s3",
                name: "the object store",
                url: url.parse().unwrap(),
            };
            tls(&place, None).is_ok()
        };
        assert!(seen("https://s3.example.org/") && seen("http://127.0.0.1:1/"));
        assert!(!seen("http://s3.example.org/"));
    }
}
