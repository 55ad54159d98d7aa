//! Echo: its S3 side, and how long it remembers what Keystone has deleted.

use std::time::Duration;

use skykey_broker::Ec2Keys;
use skykey_echo::{BucketList, EchoError, ProjectId, user_policy};
use skykey_types::{Credentials, ProjectName};
use tokio::time::{Instant, sleep};

use super::At;
use super::keystone::ProjectIds;
use skykey_checks::advice::Advice;
use skykey_checks::contact::{self, System};
use skykey_checks::section::{Because, NotWell, Section, Seen};

/// For how long a deleted EC2 credential is watched, unless there is patience.
const LOOK: Duration = Duration::from_secs(5);
/// What RGW keeps in memory it keeps for 300 s, which is no setting (`rgw_keystone.cc`).
const RGW_CACHE_TIMEOUT: Duration = Duration::from_secs(330);
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn examine(at: &At, section: Section) {
    let echo = &at.target.clients.site.echo;
    let system = System {
        prefix: "echo",
        name: "Echo",
        url: &at.target.systems.echo.client.endpoint,
        advice: Advice::Operator {
            key: "[echo] endpoint",
        },
    };
    let contact = contact::examine(&*at.clock, &section, echo.upstream(), system).await;
    let mut answered = None;
    let region = section
        .check("echo-region", "Echo is in another region", async {
            contact.in_time.as_ref()?;
            let (project, places) = readers(at).await?;
            let key = at.keys.of(&project).await?;
            let answer = echo.mine(&key).await;
            let seen = region(&at.target.systems.echo.client.region, &answer);
            answered = Some((project, places, answer));
            seen
        })
        .await;
    let believed = section
        .check("echo-ec2", "Echo rejects EC2 credentials", async {
            region.as_ref()?;
            match &answered {
                Some((project, places, answer)) => believed(at, project, places, answer),
                None => Err(Because("Echo was not asked".to_owned()).into()),
            }
        })
        .await;
    at.ec2.tell(believed.clone());
    let admin = section
        .check(
            "echo-admin",
            "the keys of [echo.admin] do not serve",
            async {
                believed.as_ref()?;
                match &answered {
                    Some((project, places, _)) => admin(at, places.id(project)?).await,
                    None => Err(Because("Echo was not asked".to_owned()).into()),
                }
            },
        )
        .await;
    at.admin.tell(admin);
}

/// The first readers' project in which the backend user is a member.
async fn readers(at: &At) -> Result<(ProjectName, ProjectIds), Because> {
    let places = at.places.get().await?;
    let mut projects = at
        .target
        .surveys
        .iter()
        .map(|survey| &survey.readers_project);
    let found = projects.find(|project| places.id(project).is_ok()).cloned();
    let found = found.ok_or_else(|| {
        Because("the backend user is a member of no survey's readers' project".to_owned())
    })?;
    Ok((found, places))
}

/// Ceph believes any region, AWS and ours only their own; both tell it apart from a wrong key.
fn region(region: &str, answer: &Result<BucketList, EchoError>) -> Seen {
    match answer {
        Err(error)
            if matches!(
                error.code(),
                Some(
                    "AuthorizationHeaderMalformed"
                        | "InvalidRegion"
                        | "IllegalLocationConstraintException"
                )
            ) =>
        {
            Err(NotWell::failed(
                error.to_string(),
                format!("'{region}' is not its region; correct [echo] region"),
            ))
        }
        Err(EchoError::NoAnswer(_)) => Err(refused(answer.as_ref().err())),
        _ => Ok((
            (),
            format!("requests that are signed for {region} are read"),
        )),
    }
}

fn believed(
    at: &At,
    project: &ProjectName,
    places: &ProjectIds,
    answer: &Result<BucketList, EchoError>,
) -> Seen {
    let mine = match answer {
        Ok(mine) => mine,
        Err(error) => {
            let remedy = match error.code() {
                Some("InvalidAccessKeyId") => {
                    "Keystone has just made it, so Echo asks another Keystone or none: let its operator compare rgw_keystone_url with [keystone] url, and rgw_s3_auth_use_keystone"
                }
                // Anybody may list their own buckets.
                Some("SignatureDoesNotMatch" | "AccessDenied") => {
                    "it is Keystone's own, so Echo accepts none of the backend user's roles: have its operator add member to rgw_keystone_accepted_roles"
                }
                _ => return Err(refused(Some(error))),
            };
            return Err(NotWell::failed(short(error), remedy));
        }
    };
    let id = places.id(project)?;
    if at.target.is_ceph() && mine.owner != id {
        return Err(NotWell::failed(
            format!(
                "an EC2 credential of {project} ({id}) is '{}' there",
                mine.owner
            ),
            "Echo must know projects by their ids: rgw_keystone_implicit_tenants has to be off, and no old user may be in the way",
        ));
    }
    Ok(((), format!("an EC2 credential of {project} is accepted")))
}

/// The keys of the gateway's own user, if there are any.
async fn admin(at: &At, project: &str) -> Seen {
    let Some(admin) = &at.target.systems.echo.admin else {
        let found = "not configured: what a project may do cannot be seen, and 'skykey survey apply' prints commands for it";
        return Ok(((), found.to_owned()));
    };
    let echo = &at.target.clients.site.echo;
    let project: ProjectId = project
        .parse()
        .map_err(|error| NotWell::failed(format!("{error}"), "tell Keystone's operators"))?;
    let user = echo.user(admin, &project).await.map(drop);
    let policies = user_policy::remember(echo, admin, &project).await.map(drop);
    let mut lacking = Vec::new();
    for (outcome, capability) in [(user, "users=*"), (policies, "user-policy=*")] {
        match outcome {
            Ok(()) => {}
            Err(error) if error.code() == Some("AccessDenied") => lacking.push(capability),
            Err(error)
                if matches!(
                    error.code(),
                    Some("InvalidAccessKeyId" | "SignatureDoesNotMatch")
                ) =>
            {
                return Err(NotWell::failed(
                    short(&error),
                    "access_key_id or secret_access_key of [echo.admin] is wrong: compare them with `radosgw-admin user info`",
                ));
            }
            Err(error) => return Err(refused(Some(&error))),
        }
    }
    if lacking.is_empty() {
        return Ok((
            (),
            format!(
                "{} may look at projects and their policies",
                admin.access_key_id
            ),
        ));
    }
    Err(NotWell::failed(
        format!(
            "the user of [echo.admin] lacks the capability {}",
            lacking.join(" and ")
        ),
        format!(
            "radosgw-admin caps add --uid ITS-ID --caps \"{}\"",
            lacking.join(";")
        ),
    ))
}

/// How long Echo believes in an EC2 credential that Keystone has deleted.
pub(super) async fn deletion(at: &At, section: Section) {
    let _ = section
        .check("echo-ec2-deleted", "", async {
            at.ec2.get().await?;
            let (project, _) = readers(at).await?;
            let key =
                at.keys.take(&project).await.map_err(|error| {
                    NotWell::failed(format!("{error:#}"), "see keystone-ec2 above")
                })?;
            deleted(at, &key).await
        })
        .await;
}

async fn deleted(at: &At, key: &Credentials) -> Seen {
    let echo = &at.target.clients.site.echo;
    // So that there is something to remember.
    echo.mine(key)
        .await
        .map_err(|error| refused(Some(&error)))?;
    at.keys
        .delete(&key.access_key_id)
        .await
        .map_err(|error| NotWell::failed(format!("{error:#}"), "see keystone-ec2 above"))?;
    let begun = Instant::now();
    let limit = if at.target.patient {
        RGW_CACHE_TIMEOUT
    } else {
        LOOK
    };
    while begun.elapsed() < limit {
        match echo.mine(key).await {
            Ok(_) => sleep(PAUSE).await,
            Err(
                error @ EchoError::Refused {
                    status: 400..=403, ..
                },
            ) => {
                let after = begun.elapsed().as_secs_f32();
                return Ok((
                    (),
                    format!("refused after {after:.1} s ({})", short(&error)),
                ));
            }
            Err(error) => return Err(refused(Some(&error))),
        }
    }
    let looked = limit.as_secs();
    if at.target.patient {
        return Err(NotWell::failed(
            format!("still accepted after {looked} s, longer than any RGW caches it"),
            "have Echo's operator see which Keystone it asks, and whether that is the one of [keystone] url",
        ));
    }
    let found = if at.target.is_ceph() {
        format!(
            "still accepted after {looked} s: RGW may cache it for 300 s (--patient waits for that)"
        )
    } else {
        format!(
            "still accepted after {looked} s: the endpoint caches it for [ec2] kept (--patient waits for that)"
        )
    };
    Ok(((), found))
}

/// An error of Echo's in a check: what it answered, and what to do.
pub(super) fn refused(error: Option<&EchoError>) -> NotWell {
    match error {
        Some(EchoError::Refused { remedy, .. }) => {
            NotWell::failed(error.map(short).unwrap_or_default(), *remedy)
        }
        Some(error) => NotWell::failed(error.to_string(), "see Echo's log, and try again"),
        None => NotWell::failed("no answer", "try again"),
    }
}

/// What was refused and with what, without the words about it.
pub(super) fn short(error: &EchoError) -> String {
    match error {
        EchoError::Refused {
            operation,
            status,
            code,
            ..
        } => format!("cannot {operation}: Echo answers {status} {code}"),
        other => other.to_string(),
    }
}

/// Keystone's id of a survey's project, as Echo writes it.
pub(super) async fn project_id(at: &At, project: &ProjectName) -> Result<ProjectId, NotWell> {
    let id = at.target.clients.site.keystone.project_id(project).await;
    let id = id.map_err(|error| NotWell::failed(error.to_string(), "see Keystone's log"))?;
    let id = id.ok_or_else(|| {
        Because(format!(
            "the backend user is not a member of the project {project}"
        ))
    })?;
    id.parse()
        .map_err(|error| NotWell::failed(format!("{error}"), "tell Keystone's operators"))
}
