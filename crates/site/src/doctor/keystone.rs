//! Keystone.

use std::collections::BTreeMap;
use std::sync::Arc;

use skykey_broker::Ec2Keys;
use skykey_keystone::{ADVISORIES, Error, Found, Keystone, Login, Probe, ProjectRef, TriedBy};
use skykey_types::ProjectName;

use super::At;
use skykey_checks::advice::Advice;
use skykey_checks::contact::{self, System};
use skykey_checks::section::{Because, NotWell, Section, Seen};

const MEMBER: &str = "member";
const ADMIN: &str = "admin";

/// Keystone's ids of the projects in which the backend user is a member.
#[derive(Debug, Clone, Default)]
pub(super) struct ProjectIds(Arc<BTreeMap<ProjectName, String>>);

impl ProjectIds {
    /// Keystone's id of `project`.
    pub(super) fn id(&self, project: &ProjectName) -> Result<&str, Because> {
        self.0.get(project).map(String::as_str).ok_or_else(|| {
            Because(format!(
                "the backend user is not a member of the project {project}"
            ))
        })
    }
}

pub(super) async fn examine(at: &At, section: Section) {
    let client = &at.target.systems.keystone.client;
    let port = &at.target.clients.site.keystone;
    let system = System {
        prefix: "keystone",
        name: "Keystone",
        url: &client.url,
        advice: Advice::Operator {
            key: "[keystone] url",
        },
    };
    let contact = contact::examine(&*at.clock, &section, port.upstream(), system).await;
    let spoken = section
        .check(
            "keystone-version",
            "there is no Keystone at that address",
            async {
                contact.reached.as_ref()?;
                version(port.backend()).await
            },
        )
        .await;
    let login = section
        .check(
            "keystone-backend-login",
            "the backend user cannot log in",
            async {
                spoken.as_ref()?;
                backend_login(port.backend(), &client.login).await
            },
        )
        .await;
    let mut places = ProjectIds::default();
    let roles = section
        .check(
            "keystone-backend-roles",
            "the backend user lacks roles",
            async {
                login.as_ref()?;
                backend_roles(at, &mut places).await
            },
        )
        .await;
    // A survey whose projects are in order can be looked at though another's are not.
    let usable = match (&login, &roles) {
        (Err(because), _) => Err(because.clone()),
        _ => Ok(places),
    };
    at.places.tell(usable.clone());
    let _ = section
        .check("keystone-admin", "", async {
            spoken.as_ref()?;
            admin(at).await
        })
        .await;
    let project = usable.and_then(|places| {
        let any = places.0.keys().next().cloned();
        any.ok_or_else(|| Because("the backend user is a member of no survey's project".to_owned()))
    });
    let made = section
        .check(
            "keystone-ec2",
            "the backend user gets no EC2 credential",
            async { ec2(at, project.as_ref()?).await },
        )
        .await;
    let trial = async |name, tried_by| {
        let _ = section
            .check(name, "", async {
                made.as_ref()?;
                if tried_by == TriedBy::UnsignedEc2Calls {
                    // A signature of another time proves nothing.
                    contact.in_time.as_ref()?;
                }
                try_out(at, project.as_ref()?, tried_by).await
            })
            .await;
    };
    trial("keystone-s3tokens", TriedBy::UnsignedEc2Calls).await;
    trial("keystone-delegated-tokens", TriedBy::DelegatedTokens).await;
}

async fn version(keystone: &Keystone) -> Seen {
    let version = keystone.version().await.map_err(|error| {
        NotWell::failed(
            error.to_string(),
            "[keystone] url is the address of the Identity API, which ends with /v3",
        )
    })?;
    if !version.id.starts_with("v3") {
        return Err(NotWell::failed(
            format!("it speaks {}", version.id),
            "[keystone] url is the address of version 3 of the Identity API",
        ));
    }
    let mut untried = ADVISORIES
        .iter()
        .filter(|advisory| advisory.tried_by.is_none());
    let ids: Vec<&str> = untried
        .clone()
        .flat_map(|advisory| advisory.ids.iter().copied())
        .collect();
    let fixed: Vec<&str> = untried
        .next_back()
        .map(|a| a.fixed_in.to_vec())
        .unwrap_or_default();
    let found = format!(
        "{} of the API; it does not report its release: ask its operators whether it is at least {}, since {} cannot be tested",
        version.id,
        fixed.join(", "),
        ids.join(", ")
    );
    Ok(((), found))
}

async fn backend_login(keystone: &Keystone, login: &Login) -> Seen {
    let (name, domain) = (&login.username, &login.user_domain);
    match keystone.own().await {
        Ok(token) => Ok(((), format!("{name} logs in, as {}", token.user.id))),
        Err(error @ Error::Refused { .. }) => Err(NotWell::failed(
            error.to_string(),
            format!(
                "compare name ('{name}'), domain ('{domain}') and password of [keystone.backend_user] with Keystone (openstack user show {name})"
            ),
        )),
        Err(error) => Err(NotWell::failed(
            error.to_string(),
            "see Keystone's log; it answers, but not to logins",
        )),
    }
}

/// Every survey's two projects: the backend user is a member, and no administrator.
async fn backend_roles(at: &At, places: &mut ProjectIds) -> Seen {
    let port = &at.target.clients.site.keystone;
    let user = &at.target.systems.keystone.client.login.username;
    if at.target.surveys.is_empty() {
        return Err(NotWell::failed(
            "there is no survey",
            "describe one in the configuration under [[survey]]",
        ));
    }
    let mut found = BTreeMap::new();
    let (mut wrong, mut remedies) = (Vec::new(), Vec::new());
    for survey in &at.target.surveys {
        for (key, project) in [
            ("project", &survey.readers_project),
            ("data_project", &survey.data_project),
        ] {
            let failed = |error: &dyn ToString| {
                NotWell::failed(error.to_string(), "see Keystone's log, and try again")
            };
            let roles = port.backend_roles(project).await.map_err(|e| failed(&e))?;
            let Some(roles) = roles else {
                let exists = exists(at, project).await;
                let what = match exists {
                    Some(false) => format!("there is no project {project}"),
                    _ => format!("{user} has no role in the project {project}"),
                };
                wrong.push(format!("{what} (the survey {}'s {key})", survey.name));
                let correct = format!("correct the survey's {key}");
                remedies.push(match exists {
                    Some(false) => correct,
                    _ => format!(
                        "openstack role add --user {user} --project {project} {MEMBER}, or {correct}"
                    ),
                });
                continue;
            };
            let has = |wanted: &str| roles.iter().any(|role| role.eq_ignore_ascii_case(wanted));
            if !has(MEMBER) {
                wrong.push(format!("{user} has only {} in {project}", roles.join(", ")));
                remedies.push(format!(
                    "openstack role add --user {user} --project {project} {MEMBER}"
                ));
                continue;
            }
            if has(ADMIN) {
                wrong.push(format!(
                    "{user} is {ADMIN} in {project}, which is more than it needs"
                ));
                remedies.push(format!(
                    "openstack role remove --user {user} --project {project} {ADMIN}"
                ));
            }
            let id = port.project_id(project).await.map_err(|e| failed(&e))?;
            found.extend(id.map(|id| (project.clone(), id)));
        }
    }
    let names: Vec<&str> = found.keys().map(ProjectName::as_str).collect();
    let told = format!("{user} is {MEMBER} of {}", names.join(", "));
    *places = ProjectIds(Arc::new(found));
    if wrong.is_empty() {
        return Ok(((), told));
    }
    remedies.dedup();
    Err(NotWell::failed(wrong.join("; "), remedies.join("; ")))
}

/// Whether there is such a project, if an administrator is configured who can tell.
async fn exists(at: &At, project: &ProjectName) -> Option<bool> {
    let wanted = ProjectRef {
        name: project.to_string(),
        domain: at.target.systems.keystone.project_domain.clone(),
    };
    let admin = at.target.clients.site.keystone.admin()?;
    let found = admin.project_by_name(&wanted).await.ok()?;
    Some(found.is_some())
}

async fn admin(at: &At) -> Seen {
    let site = &at.target.systems.keystone;
    let (Some(admin), Some(login)) = (at.target.clients.site.keystone.admin(), &site.admin) else {
        let found = "not configured: skykey does not delete EC2 credentials of people who left";
        return Ok(((), found.to_owned()));
    };
    let name = &login.username;
    let project = login.project.as_ref().map_or("", |project| &project.name);
    let roles = admin.own_roles().await.map_err(|error| {
        NotWell::failed(
            error.to_string(),
            format!("compare name ('{name}'), domain, password and project ('{project}') of [keystone.admin_user] with Keystone"),
        )
    })?;
    if roles.iter().any(|role| role.eq_ignore_ascii_case(ADMIN)) {
        let mut found = format!("{name} is {ADMIN} in {project}");
        if site.accept_application_credentials {
            knows_tokens(admin, name).await?;
            found.push_str(", and learns whose a machine's token is");
        }
        return Ok(((), found));
    }
    Err(NotWell::failed(
        format!("{name} has only {} in {project}", roles.join(", ")),
        format!("openstack role add --user {name} --project {project} {ADMIN}"),
    ))
}

/// Whether the administrator is told what a token is: their own, which is at hand.
async fn knows_tokens(admin: &Keystone, name: &str) -> Result<(), NotWell> {
    let failed = |what: String| {
        NotWell::failed(
            what,
            format!(
                "let {name} validate tokens (identity:validate_token in Keystone's policy), or leave out [keystone] accept_application_credentials"
            ),
        )
    };
    let own = admin.own().await;
    let own = own.map_err(|error| failed(error.to_string()))?;
    match admin.shown_token(&own.token).await {
        Ok(Some(shown)) if shown.user.id == own.user.id => Ok(()),
        Ok(_) => Err(failed(
            "Keystone does not know a token that it has just made".to_owned(),
        )),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Makes an EC2 credential, finds it, deletes it, and finds it no more.
async fn ec2(at: &At, project: &ProjectName) -> Seen {
    let port = &at.target.clients.site.keystone;
    let remedy = || {
        "Keystone must let a member make, list and delete EC2 credentials (identity:ec2_* in its policy), and [auth] methods must not leave out what they need".to_owned()
    };
    let failed = |error: &dyn ToString| NotWell::failed(error.to_string(), remedy());
    let made = at
        .keys
        .take(project)
        .await
        .map_err(|error| NotWell::failed(format!("{error:#}"), remedy()))?;
    let access = &made.access_key_id;
    let listed = port
        .backend_credentials(project)
        .await
        .map_err(|e| failed(&e))?;
    if !listed.contains(access) {
        return Err(NotWell::failed(
            "an EC2 credential was made, and is not among those of the backend user",
            "see whether Keystone's database is replicated and lags behind",
        ));
    }
    at.keys
        .delete(access)
        .await
        .map_err(|error| NotWell::failed(format!("{error:#}"), remedy()))?;
    let listed = port
        .backend_credentials(project)
        .await
        .map_err(|e| failed(&e))?;
    if listed.contains(access) {
        return Err(NotWell::failed(
            "an EC2 credential was deleted, and is still among those of the backend user",
            "see whether Keystone's database is replicated and lags behind",
        ));
    }
    Ok(((), format!("made, listed and deleted in {project}")))
}

async fn try_out(at: &At, project: &ProjectName, tried_by: TriedBy) -> Seen {
    let keystone = at.target.clients.site.keystone.backend_in(project).await;
    let outcome = at
        .keys
        .to_the_end(async move {
            match tried_by {
                TriedBy::UnsignedEc2Calls => keystone.unsigned_ec2_calls_refused().await,
                TriedBy::DelegatedTokens => keystone.delegated_tokens_refused().await,
            }
        })
        .await;
    let advisory = ADVISORIES
        .iter()
        .find(|advisory| advisory.tried_by == Some(tried_by));
    let (ids, about, fixed) = advisory.map_or_else(Default::default, |advisory| {
        (
            advisory.ids.join(", "),
            advisory.about,
            advisory.fixed_in.join(", "),
        )
    });
    let Probe { found, left_behind } = outcome
        .map_err(|error| NotWell::failed(error.to_string(), "see Keystone's log, and try again"))?;
    at.keys.left(left_behind);
    match found {
        Found::Refused => {
            let what = match tried_by {
                TriedBy::UnsignedEc2Calls => "a signature alone gets no token",
                TriedBy::DelegatedTokens => "an application credential gets no EC2 credential",
            };
            Ok(((), format!("{what} ({ids} is not there)")))
        }
        Found::Done(what) => Err(NotWell::failed(
            format!("Keystone {what}: {ids}, {about}"),
            format!(
                "have its operators bring it to {fixed}, or later; and serve it with processes, not threads (threads=1), which mix up its callers"
            ),
        )),
        Found::NotTried(why) => Err(NotWell::failed(
            format!("not tried: {why}"),
            format!(
                "ask Keystone's operators whether it is free of {ids}, which {fixed} or later are"
            ),
        )),
    }
}
