//! Session tokens: whether STS gives them, for how long, and what they are worth.

use skykey_echo::EchoError;
use skykey_sts::StsError;
use skykey_types::{Credentials, Lifetime, Limits, Method, Secret, Survey, random_token};

use super::At;
use super::echo::{refused, short};
use skykey_checks::section::{Because, NotWell, Section, Seen};

const SHORTEST: Lifetime = Lifetime::seconds(Limits::STS.min);

pub(super) async fn examine(at: &At, section: Section) {
    let names = [
        "echo-sts",
        "echo-sts-service",
        "echo-sts-shortest",
        "echo-sts-longest",
        "echo-sts-token-altered",
    ];
    let Some(survey) = offering(at).await else {
        for name in names {
            let found = "not needed: no survey has the method sts-lite".to_owned();
            let _ = section.check(name, "", async { Ok(((), found)) }).await;
        }
        at.sessions.tell(Ok(()));
        return;
    };
    let [sts, service, shortest, longest, altered] = names;
    let token = section
        .check(sts, "STS gives no session token that works", async {
            at.ec2.get().await?;
            let key = at.keys.of(&survey.readers_project).await?;
            works(at, survey, &key).await
        })
        .await;
    at.sessions
        .tell(token.as_ref().map(drop).map_err(Clone::clone));
    let _ = section
        .check(service, "", async {
            token.as_ref()?;
            let service = at.target.clients.site.sts.service();
            Ok(((), format!("requests are signed for the service {service}")))
        })
        .await;
    let _ = section
        .check(shortest, "", async {
            token.as_ref()?;
            let key = at.keys.of(&survey.readers_project).await?;
            short_ones(at, &key).await
        })
        .await;
    let _ = section
        .check(longest, "", async {
            token.as_ref()?;
            let key = at.keys.of(&survey.readers_project).await?;
            long_ones(at, &key).await
        })
        .await;
    let _ = section
        .check(altered, "", async {
            let token = token.as_ref()?;
            let key = at.keys.of(&survey.readers_project).await?;
            altered_ones(at, &key, token).await
        })
        .await;
}

/// A survey that has the method, and whose readers' project the backend user is a member of.
async fn offering(at: &At) -> Option<&Survey> {
    let surveys = at.target.surveys.iter();
    let offering: Vec<&Survey> = surveys
        .filter(|survey| survey.methods.contains(&Method::StsLite))
        .collect();
    let places = at.places.get().await.unwrap_or_default();
    let usable = |survey: &&&Survey| places.id(&survey.readers_project).is_ok();
    offering.iter().find(usable).or(offering.first()).copied()
}

/// Gets a token of the shortest lifetime, and uses it: a gateway whose STS is off gives tokens all the
/// same, and only their use shows it.
async fn works(at: &At, survey: &Survey, key: &Credentials) -> Seen<Credentials> {
    let project = &survey.readers_project;
    let sts = &at.target.clients.site.sts;
    let token = match sts.session_token(key, SHORTEST).await {
        Ok(token) => token,
        Err(StsError::Refused {
            status,
            fault,
            words,
            ..
        }) => {
            let ceph = at.target.is_ceph() && fault.message.trim().is_empty();
            let remedy = match (fault.code.as_str(), status) {
                ("AccessDenied", _) if ceph => format!(
                    "no user policy of {project} allows sts:GetSessionToken: run 'skykey survey apply {}'",
                    survey.name
                ),
                ("InvalidArgument", _) if ceph => {
                    "it accepts 900 s, so its rgw_sts_key is at fault: it has to be exactly 16 characters long; have its operator set it and restart every gateway".to_owned()
                }
                ("MethodNotAllowed" | "NotImplemented", _) | (_, 405 | 501) => {
                    "STS is not served there: its operator adds sts and iam to rgw_enable_apis, and sets rgw_s3_auth_use_sts = true".to_owned()
                }
                _ => words,
            };
            return Err(NotWell::failed(
                format!("GetSessionToken is refused with {status} {}", fault.code),
                remedy,
            ));
        }
        Err(error) => {
            return Err(NotWell::failed(
                error.to_string(),
                "see Echo's log, and whether it reaches its Keystone",
            ));
        }
    };
    match at.target.clients.site.echo.mine(&token).await {
        Ok(_) => Ok((
            token,
            format!("a session token of {project} is given, and works"),
        )),
        Err(error) if error.code() == Some("InvalidAccessKeyId") => Err(NotWell::failed(
            "STS is off: GetSessionToken gives a token, and using it is refused with InvalidAccessKeyId",
            "have Echo's operator set rgw_s3_auth_use_sts = true, and restart every gateway",
        )),
        Err(error) => Err(NotWell::failed(
            format!(
                "GetSessionToken gives a token that does not work: {}",
                short(&error)
            ),
            match error {
                EchoError::Refused { remedy, .. } => remedy,
                _ => "see Echo's log; do all gateways have the same rgw_sts_key?",
            },
        )),
    }
}

/// Whether a lifetime is taken; `None` if nobody knows.
async fn taken(at: &At, key: &Credentials, seconds: u32) -> Result<bool, NotWell> {
    let sts = &at.target.clients.site.sts;
    match sts.session_token(key, Lifetime::seconds(seconds)).await {
        Ok(_) => Ok(true),
        Err(StsError::Refused {
            status: 400..=403, ..
        }) => Ok(false),
        Err(error) => Err(NotWell::failed(
            error.to_string(),
            "see Echo's log, and try again",
        )),
    }
}

fn word(taken: bool) -> &'static str {
    if taken { "accepted" } else { "refused" }
}

async fn short_ones(at: &At, key: &Credentials) -> Seen {
    let Limits { min, .. } = Limits::STS;
    // The shortest is that of the token that works.
    let below = taken(at, key, min - 1).await?;
    let found = format!("{} s is {}, {min} s is accepted", min - 1, word(below));
    Ok(((), found))
}

async fn long_ones(at: &At, key: &Credentials) -> Seen {
    let Limits { max, .. } = Limits::STS;
    let asked = at.target.surveys.iter().map(|survey| survey.lifetime.max);
    let needed = asked.max().unwrap_or(max);
    let (longest, above) = (taken(at, key, max).await?, taken(at, key, max + 1).await?);
    let found = format!(
        "{max} s is {}, {} s is {}",
        word(longest),
        max + 1,
        word(above)
    );
    if longest || (needed < max && taken(at, key, needed).await?) {
        return Ok(((), found));
    }
    Err(NotWell::failed(
        format!("{found}, and surveys have leases of {needed} s"),
        format!(
            "have Echo's operator set rgw_sts_max_session_duration = {max}, or lower lifetime.max of the surveys"
        ),
    ))
}

/// Tokens that are cut, invented or another's must be refused. A flipped bit proves nothing: RGW's tokens
/// have no checksum, and some flips hit what does not matter.
async fn altered_ones(at: &At, key: &Credentials, token: &Credentials) -> Seen {
    let sts = &at.target.clients.site.sts;
    let other = sts
        .session_token(key, SHORTEST)
        .await
        .map_err(|error| NotWell::failed(error.to_string(), "try again"))?;
    let text = token.session_token.as_ref().map_or("", Secret::expose);
    let cut: String = text.chars().take(text.chars().count() / 2).collect();
    let mut believed = Vec::new();
    for (what, altered) in [
        ("cut in half", Some(Secret::new(cut))),
        ("invented", Some(Secret::new(random_token(80)))),
        ("of another session", other.session_token),
        ("left out", None),
    ] {
        let forged = Credentials {
            session_token: altered,
            ..token.clone()
        };
        match at.target.clients.site.echo.mine(&forged).await {
            Ok(_) => believed.push(what),
            Err(EchoError::Refused {
                status: 400..=403, ..
            }) => {}
            Err(error) => return Err(refused(Some(&error))),
        }
    }
    if believed.is_empty() {
        let found = "a token is refused that is cut, invented, another's or left out";
        return Ok(((), found.to_owned()));
    }
    Err(NotWell::failed(
        format!(
            "a session key is accepted with a token that is {}",
            believed.join(", ")
        ),
        "stop using session tokens there and tell Echo's operator: anybody with one can make others",
    ))
}

/// The end of what the ways need.
pub(super) fn lifetime_of(survey: &Survey) -> Lifetime {
    let Limits { min, max } = survey.lifetime;
    Lifetime::seconds(Limits::STS_DEFAULT.as_seconds().clamp(min, max.max(min)))
}

/// A token of a survey's readers, as the portal asks for it.
pub(super) async fn session_token(
    at: &At,
    survey: &Survey,
    key: &Credentials,
) -> Result<Credentials, NotWell> {
    let lifetime = lifetime_of(survey);
    let sts = &at.target.clients.site.sts;
    sts.session_token(key, lifetime).await.map_err(|error| {
        NotWell::failed(
            error.to_string(),
            format!(
                "run 'skykey survey apply {}', and see echo-sts above",
                survey.name
            ),
        )
    })
}

/// Why a survey's way cannot be walked by `method`.
pub(super) fn not_offered(method: Method) -> Because {
    Because(format!("no survey has the method {method}"))
}
