//! The login, the account and the groups.

use skykey_client::{Client, Me};
use skykey_types::SurveyName;

use super::{may_read, not_well};
use crate::doctor::section::{Because, NotWell, Section};
use crate::me::{at, listed, whoami};

/// Who the person is now, by the word of the IAM.
pub(super) async fn examine(
    client: &Client,
    section: &Section,
    reached: &Result<(), Because>,
) -> Result<Me, Because> {
    let me = section
        .check("login", "there is no login", async {
            // What is kept can be looked at without the portal.
            let kept = client
                .kept_login()
                .map_err(|error| not_well(&error, "run 'skykey login'"))?;
            reached.as_ref()?;
            let me = client
                .me()
                .await
                .map_err(|error| not_well(&error, "run 'skykey login' again"))?;
            // Asking may have renewed it.
            let kept = client.kept_login().unwrap_or(kept);
            let how_long = if kept.renewable {
                format!(
                    "renews itself at {}, as long as {} lets it",
                    at(kept.expires),
                    kept.issuer
                )
            } else {
                format!("ends at {}, and cannot be renewed", at(kept.expires))
            };
            let found = format!("{}, {how_long}", me.username);
            Ok((me, found))
        })
        .await;
    let _ = section
        .check("account", "", async {
            let me = me.as_ref()?;
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

/// Where they stand; the surveys to look at.
pub(super) async fn groups(
    section: &Section,
    only: Option<&SurveyName>,
    me: &Result<Me, Because>,
) -> Result<Vec<SurveyName>, Because> {
    section
        .check("group", "there is no survey that you may read", async {
            let me = me.as_ref()?;
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
