//! The JupyterHub, if there is one.

use skykey_hub::{Hub, HubService};
use skykey_types::Secret;

use super::At;
use skykey_checks::advice::Advice;
use skykey_checks::contact::{self, System};
use skykey_checks::section::{NotWell, Section, Seen};

pub(super) async fn examine(at: &At, section: Section) {
    let Some((settings, hub)) = &at.target.hub else {
        return;
    };
    let system = System {
        prefix: "hub",
        name: "JupyterHub",
        url: &settings.url,
        advice: Advice::Operator {
            key: "[jupyterhub] url",
        },
    };
    let contact = contact::examine(&*at.clock, &section, hub.upstream(), system).await;
    let spoken = section
        .check("hub-api", "there is no JupyterHub at that address", async {
            contact.reached.as_ref()?;
            api(hub).await
        })
        .await;
    let _ = section
        .check("hub-service", "", async {
            spoken.as_ref()?;
            match &settings.service_token {
                None => Ok((
                    (),
                    "none, so whether a token's server runs is not asked".to_owned(),
                )),
                Some(token) => service(hub, token, settings.stop_servers).await,
            }
        })
        .await;
}

async fn api(hub: &Hub) -> Seen {
    match hub.version().await {
        Ok(version) => Ok(((), format!("JupyterHub {version}"))),
        Err(error) => Err(NotWell::failed(
            error.to_string(),
            "write the hub's address into [jupyterhub] url, without the hub/ at its end",
        )),
    }
}

async fn service(hub: &Hub, token: &Secret, stops: bool) -> Seen {
    let found = hub
        .service(token)
        .await
        .map_err(|error| NotWell::failed(error.to_string(), "see the hub's log, and try again"))?;
    judge(found, stops)
}

fn judge(found: Option<HubService>, stops: bool) -> Seen {
    let Some(service) = found else {
        return Err(NotWell::failed(
            "the hub does not know [jupyterhub] service_token",
            "compare it with the api_token of the service in jupyterhub_config.py",
        ));
    };
    let HubService { name, kind, scopes } = service;
    if kind != "service" {
        return Err(NotWell::failed(
            format!("it is the token of the user {name}"),
            "make a service at the hub for skykey, and name its token",
        ));
    }
    let needed = ["read:servers", "delete:servers"];
    let needed = if stops { &needed[..] } else { &needed[..1] };
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|scope| !scopes.iter().any(|has| has == scope))
        .collect();
    if missing.is_empty() {
        return Ok((
            (),
            format!("the service {name}, which may {}", needed.join(" and ")),
        ));
    }
    Err(NotWell::failed(
        format!(
            "the service {name} lacks the scope {}",
            missing.join(" and ")
        ),
        "give its role that scope in c.JupyterHub.load_roles",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: &str, scopes: &[&str], stops: bool) -> Result<String, String> {
        let service = HubService {
            name: "skykey".to_owned(),
            kind: kind.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        match judge(Some(service), stops) {
            Ok(((), found)) => Ok(found),
            Err(NotWell::Failed { found, .. }) => Err(found),
            Err(NotWell::Skipped(because)) => Err(because.0),
        }
    }

    #[test]
    fn a_service_needs_what_is_asked_with_it_and_no_more() {
        let both = ["read:servers", "delete:servers"];
        assert!(judged("service", &both, true).is_ok());
        assert!(judged("service", &both[..1], false).is_ok());
        let error = judged("service", &both[..1], true).unwrap_err();
        assert_eq!(error, "the service skykey lacks the scope delete:servers");
        assert!(judged("user", &both, false).is_err());
        assert!(judge(None, false).is_err());
    }
}
