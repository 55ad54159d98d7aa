//! The login, the account and the groups.

use skykey_client::{Client, Identity, Me};
use skykey_types::SurveyName;

use super::{may_read, not_well};
use crate::{at, listed, whoami};
use skykey_checks::section::{Because, NotWell, Section, Seen};

/// Who it is now, by the word of the IAM; of a notebook server the hub knows it, and not who asks here.
pub(super) async fn examine(
    client: &Client,
    section: &Section,
    reached: &Result<(), Because>,
) -> Result<Option<Me>, Because> {
    let me = section
        .check("login", "there is no login", async {
            let Some(how) = identity(client)? else {
                reached.as_ref()?;
                let found = "a notebook server, by its own token of the hub".to_owned();
                return Ok((None, found));
            };
            reached.as_ref()?;
            let me = client
                .me()
                .await
                .map_err(|error| not_well(&error, "run 'skykey login' again"))?;
            // Asking may have renewed it.
            let how = identity(client).ok().flatten().unwrap_or(how);
            let found = format!("{}, {how}", me.username);
            Ok((Some(me), found))
        })
        .await;
    let _ = section
        .check("account", "", async {
            let Some(me) = me.as_ref()? else {
                return Ok(((), "is the hub's to know".to_owned()));
            };
            let Some(end) = me.account_end else {
                return Ok(((), "has no end".to_owned()));
            };
            if end > client.clock().now() {
                return Ok(((), format!("ends {}", at(end))));
            }
            Err(NotWell::failed(
                format!("ended {}", at(end)),
                "ask the people who run the IAM to extend it",
            ))
        })
        .await;
    me
}

/// By what they are known, as far as can be seen here, also without the portal.
fn identity(client: &Client) -> Result<Option<String>, NotWell> {
    Ok(Some(match client.identity() {
        Identity::Hub(_) => return Ok(None),
        Identity::TokenFile(path) => format!("by the token in {}", path.display()),
        Identity::OpenStack(_) => "by an application credential of OpenStack".to_owned(),
        Identity::Login => {
            let kept = client
                .kept_login()
                .map_err(|error| not_well(&error, "run 'skykey login'"))?;
            if kept.renewable {
                format!(
                    "renews itself at {}, as long as {} lets it",
                    at(kept.expires),
                    kept.issuer
                )
            } else {
                format!("ends at {}, and cannot be renewed", at(kept.expires))
            }
        }
    }))
}

/// Where they stand; the surveys to look at.
pub(super) async fn groups(
    client: &Client,
    section: &Section,
    only: Option<&SurveyName>,
    me: &Result<Option<Me>, Because>,
) -> Result<Vec<SurveyName>, Because> {
    section
        .check("group", "there is no survey that you may read", async {
            let Some(me) = me.as_ref()? else {
                return notebooks(client, only).await;
            };
            let stand: Vec<String> = me
                .surveys
                .iter()
                .map(|survey| match survey.access {
                    Some(access) => format!("{}: you may {access}", survey.name),
                    None => format!(
                        "{}: for members of {}",
                        survey.name,
                        survey.readers.join(" or ")
                    ),
                })
                .collect();
            if let Some(only) = only {
                let Some(survey) = me.surveys.iter().find(|s| s.name == only.as_str()) else {
                    return Err(NotWell::failed(
                        format!("there is no survey called '{only}'"),
                        "'skykey surveys' lists them",
                    ));
                };
                if survey.access.is_none() {
                    return Err(NotWell::failed(
                        format!("{only} is not for you"),
                        whoami::standing(survey),
                    ));
                }
            }
            let names: Vec<SurveyName> = may_read(me)
                .filter_map(|survey| survey.name.parse().ok())
                .filter(|name| only.is_none_or(|only| only == name))
                .collect();
            if !names.is_empty() {
                return Ok((names, stand.join("; ")));
            }
            let remedy = match me.surveys.first() {
                Some(first) => format!("{}: {}", first.name, whoami::standing(first)),
                None => "ask the people who run the portal for surveys".to_owned(),
            };
            let found = if stand.is_empty() {
                "there are no surveys".to_owned()
            } else {
                format!("you may read none of the surveys ({})", listed(&stand))
            };
            Err(NotWell::failed(found, remedy))
        })
        .await
}

/// What a notebook server is given: the survey that was named, or the portal's choice.
async fn notebooks(client: &Client, only: Option<&SurveyName>) -> Seen<Vec<SurveyName>> {
    let name = match only {
        Some(only) => only.clone(),
        None => client
            .usual_survey()
            .await
            .map_err(|error| not_well(&error, "tell the people who run the portal"))?,
    };
    let found = format!("this notebook server reads {name}");
    Ok((vec![name], found))
}
