//! The IAM.

use std::collections::BTreeSet;

use skykey_iam::{Iam, IamError, MembershipSource};
use skykey_types::{GroupPath, Survey};
use url::Url;

use super::At;
use skykey_checks::advice::Advice;
use skykey_checks::contact::{self, System};
use skykey_checks::section::{NotWell, Section, Seen};

pub(super) async fn examine(at: &At, section: Section) {
    let site = &at.target.systems.iam;
    let iam = &*at.target.clients.iam;
    let document = format!(
        "{}/.well-known/openid-configuration",
        site.client.issuer.as_str().trim_end_matches('/')
    );
    // An issuer is a URL; should it not be, the document cannot be found either.
    let url = Url::parse(&document).unwrap_or_else(|_| site.join_at.clone());
    let system = System {
        prefix: "iam",
        name: "the IAM",
        url: &url,
        advice: Advice::Operator {
            key: "[iam] issuer",
        },
    };
    let contact = contact::examine(&*at.clock, &section, iam.upstream(), system).await;
    let discovered = section
        .check("iam-discovery", "the IAM's discovery fails", async {
            contact.reached.as_ref()?;
            Box::pin(discovery(iam)).await
        })
        .await;
    let known = section
        .check("iam-client", "the IAM does not know the client", async {
            discovered.as_ref()?;
            Box::pin(client(iam, &site.client.client_id)).await
        })
        .await;
    let _ = section
        .check("iam-claim-profile", "", async {
            discovered.as_ref()?;
            claim(iam, &site.client.groups.to_string()).await
        })
        .await;
    let groups = section
        .check("iam-scim", "the IAM does not let us ask by SCIM", async {
            known.as_ref()?;
            Box::pin(scim(iam, &site.client.client_id)).await
        })
        .await;
    let _ = section
        .check("iam-groups", "", async {
            exist(groups.as_ref()?.as_ref(), &at.target.surveys)
        })
        .await;
}

async fn discovery(iam: &Iam) -> Seen {
    let address = "compare [iam] issuer with the field 'issuer' of the IAM's /.well-known/openid-configuration, to the letter";
    let offer = iam
        .offer()
        .await
        .map_err(|error| NotWell::failed(error.to_string(), address))?;
    iam.check_keys().await.map_err(|error| {
        NotWell::failed(
            error.to_string(),
            "see whether the address jwks_uri of the IAM's discovery document answers with its keys; tell its administrators",
        )
    })?;
    let offers: Vec<&str> = [
        (offer.scim, "SCIM"),
        (offer.userinfo, "userinfo"),
        (offer.introspection, "introspection"),
        (offer.device, "device code"),
    ]
    .into_iter()
    .filter_map(|(there, what)| there.then_some(what))
    .collect();
    Ok(((), format!("{} with {}", iam.issuer(), offers.join(", "))))
}

async fn client(iam: &Iam, client: &str) -> Seen {
    match iam.check_client().await {
        Ok(()) => Ok(((), format!("it accepts the client '{client}'"))),
        Err(IamError::NotOffered { .. }) => Ok((
            (),
            "cannot be tried without a person: neither SCIM nor introspection".to_owned(),
        )),
        Err(error) if error.is_outage() => Err(NotWell::failed(
            error.to_string(),
            "the IAM is in trouble; try again later",
        )),
        Err(error) => Err(NotWell::failed(
            error.to_string(),
            format!(
                "compare [iam] client_id ('{client}') and client_secret with the client's registration at the IAM"
            ),
        )),
    }
}

async fn source(iam: &Iam) -> Result<MembershipSource, NotWell> {
    iam.membership_source()
        .await
        .map_err(|error| NotWell::failed(error.to_string(), "try again"))
}

async fn claim(iam: &Iam, groups: &str) -> Seen {
    let offer = iam
        .offer()
        .await
        .map_err(|error| NotWell::failed(error.to_string(), "try again"))?;
    let by_scim = source(iam).await? == MembershipSource::Scim;
    match (offer.groups, by_scim) {
        (Some(true), _) => Ok(((), format!("it has the claim of '{groups}'"))),
        (None, _) => Ok((
            (),
            format!("it does not list its claims; '{groups}' shows at the first login"),
        )),
        (Some(false), true) => Ok((
            (),
            format!("it does not list the claim of '{groups}', which SCIM makes needless"),
        )),
        (Some(false), false) => Err(NotWell::failed(
            format!(
                "it lists neither the claim nor the scope of '{groups}', so nobody is in any group"
            ),
            "choose in [iam] groups what the IAM has (claims_supported and scopes_supported in its discovery document): iam, wlcg, aarc or claim:NAME",
        )),
    }
}

/// All groups, where they can be asked for.
async fn scim(iam: &Iam, client: &str) -> Seen<Option<BTreeSet<GroupPath>>> {
    if source(iam).await? != MembershipSource::Scim {
        let found = "not used: memberships are asked of userinfo";
        return Ok((None, found.to_owned()));
    }
    match iam.groups().await {
        Ok(groups) => {
            let found = format!("allowed: it tells of {} groups", groups.len());
            Ok((Some(groups), found))
        }
        Err(error) => Err(NotWell::failed(
            error.to_string(),
            format!(
                "have the IAM's administrators give the client '{client}' the grant client_credentials and the scope scim:read, or set [iam] membership = \"userinfo\""
            ),
        )),
    }
}

/// Whether the IAM has the groups that the surveys name.
fn exist(groups: Option<&BTreeSet<GroupPath>>, surveys: &[Survey]) -> Seen {
    let Some(groups) = groups else {
        let found = "cannot be seen without SCIM; a group that is not there has no members";
        return Ok(((), found.to_owned()));
    };
    let mut missing = Vec::new();
    let mut there = BTreeSet::new();
    for survey in surveys {
        for group in survey.readers.iter().chain(&survey.curators) {
            if groups.contains(group) {
                there.insert(group.as_str());
            } else {
                missing.push(format!("{group} (of the survey {})", survey.name));
            }
        }
    }
    if missing.is_empty() {
        let there: Vec<&str> = there.into_iter().collect();
        return Ok(((), there.join(", ")));
    }
    Err(NotWell::failed(
        format!("the IAM has no group {}", missing.join(", ")),
        "make it in the IAM, or correct readers and curators of the survey",
    ))
}
