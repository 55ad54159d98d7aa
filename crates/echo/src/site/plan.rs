//! Looking at how it is.

use std::collections::BTreeMap;

use serde_json::Value;
use skykey_types::{BucketName, Credentials, Prefix};

use super::{Do, SitePlan, Step, SurveySite};
use crate::policy::{merge, readers_statements};
use crate::user_policy::{self, concern, document, remember, same};
use crate::{Echo, EchoError, ProjectId};

/// Looks at everything and says what would be done. It only reads; its first request makes the
/// gateway know the projects, as anybody's would.
pub async fn plan(echo: &Echo, site: &SurveySite) -> Result<SitePlan, EchoError> {
    let owned = echo.buckets_of(&site.data, &site.data_project).await?;
    let mut planner = Planner {
        echo,
        site,
        plan: SitePlan {
            survey: site.name.clone(),
            steps: Vec::new(),
            concerns: Vec::new(),
        },
    };
    planner.readers_own_nothing().await?;
    planner.readers_are_limited().await?;
    let mut by_bucket: BTreeMap<&BucketName, Vec<&Prefix>> = BTreeMap::new();
    for place in &site.prefixes {
        by_bucket.entry(&place.bucket).or_default().push(place);
    }
    for (bucket, places) in by_bucket {
        if owned.iter().any(|name| name == bucket.as_str()) {
            planner.bucket(bucket, &places).await?;
        } else {
            planner.no_bucket_of_ours(bucket);
        }
    }
    for (whose, project) in [
        ("data's", &site.data_project),
        ("readers'", &site.readers_project),
    ] {
        planner.session_tokens(whose, project).await?;
    }
    Ok(planner.plan)
}

/// How an operator limits a project to reading.
pub(super) fn limit_command(project: &ProjectId) -> String {
    format!("radosgw-admin user modify --uid {project} --op-mask=read --max-buckets=-1")
}

struct Planner<'a> {
    echo: &'a Echo,
    site: &'a SurveySite,
    plan: SitePlan,
}

impl Planner<'_> {
    async fn readers_own_nothing(&mut self) -> Result<(), EchoError> {
        let project = &self.site.readers_project;
        for bucket in self.echo.buckets_of(&self.site.readers, project).await? {
            self.plan.concerns.push(format!(
                "the readers' project {project} owns the bucket {bucket}, and its people may write there until it may \
                 only read; see whose it is and move it"
            ));
        }
        Ok(())
    }

    async fn readers_are_limited(&mut self) -> Result<(), EchoError> {
        let project = &self.site.readers_project;
        let what = format!("what the readers' project {project} may do at all");
        let intended = "operations: read; buckets of its own: none".to_owned();
        let seen = match &self.site.admin {
            None => None,
            Some(admin) => visible(self.echo.user(admin, project).await)?,
        };
        let (now, action) = match seen {
            None => (
                "cannot be seen without an admin's keys that have the capability users=read"
                    .to_owned(),
                Do::CheckByHand(limit_command(project)),
            ),
            Some(None) => {
                return Err(EchoError::Unexpected {
                    operation: "read a user at the gateway",
                    why: format!(
                        "it does not know the project {project}, though it answered its credentials"
                    ),
                });
            }
            Some(Some(user)) => {
                let buckets = match user.max_buckets {
                    ..0 => "none".to_owned(),
                    0 => "as many as wanted".to_owned(),
                    most => format!("up to {most}"),
                };
                let action = if user.is_limited_to_reading() {
                    Do::Nothing
                } else {
                    Do::LimitUser {
                        project: project.clone(),
                    }
                };
                let now = format!(
                    "operations: {}; buckets of its own: {buckets}",
                    user.op_mask
                );
                (now, action)
            }
        };
        self.step(what, now, intended, action);
        Ok(())
    }

    fn no_bucket_of_ours(&mut self, bucket: &BucketName) {
        let project = &self.site.data_project;
        self.step(
            format!("the bucket {bucket}"),
            format!("it is not among the buckets of the data's project {project}"),
            format!("it belongs to the data's project {project}"),
            Do::OperatorCommand(format!(
                "aws --endpoint-url {} s3 mb s3://{bucket}   # as a curator; if it belongs to another project, \
                 choose another name",
                self.echo.endpoint()
            )),
        );
    }

    async fn bucket(&mut self, bucket: &BucketName, places: &[&Prefix]) -> Result<(), EchoError> {
        let site = self.site;
        let wrong = |why| EchoError::Policy {
            bucket: bucket.clone(),
            why,
        };
        let existing = self.echo.bucket_policy(&site.data, bucket).await?;
        let ours = readers_statements(&site.name, &site.readers_project, places).map_err(wrong)?;
        let change = merge(
            existing.as_deref(),
            &site.name,
            &site.readers_project,
            &ours,
        )
        .map_err(wrong)?;
        for concern in &change.concerns {
            let told = format!("bucket {bucket}: {concern}");
            self.plan.concerns.push(told);
        }
        let action = if change.is_needed() {
            Do::PutBucketPolicy {
                bucket: bucket.clone(),
                before: change.before.clone(),
                document: change.after.clone(),
            }
        } else {
            Do::Nothing
        };
        self.step(
            format!("the policy of bucket {bucket}"),
            pretty(change.before.as_deref().unwrap_or_default()),
            pretty(&change.after),
            action,
        );
        Ok(())
    }

    async fn session_tokens(&mut self, whose: &str, project: &ProjectId) -> Result<(), EchoError> {
        let what = format!("the {whose} project {project} may ask for session tokens");
        let intended = document();
        let seen = match &self.site.admin {
            None => None,
            Some(admin) => visible(remember(self.echo, admin, project).await)?,
        };
        let Some(policies) = seen else {
            let command = format!(
                "aws --endpoint-url {} iam put-user-policy --user-name {project} --policy-name {} \
                 --policy-document '{intended}'",
                self.echo.endpoint(),
                user_policy::NAME
            );
            let now =
                "cannot be seen without an admin's keys that have the capability user-policy=*";
            self.step(
                what,
                now.to_owned(),
                pretty(&intended),
                Do::CheckByHand(command),
            );
            return Ok(());
        };
        let (ours, others): (Vec<_>, Vec<_>) = policies
            .into_iter()
            .partition(|policy| policy.name == user_policy::NAME);
        let wide = others.iter().filter_map(concern);
        let wide = wide.map(|why| format!("the {whose} project {project}: {why}"));
        self.plan.concerns.extend(wide);
        let now = ours.first().map(|policy| policy.document.as_str());
        let action = if now.is_some_and(|now| same(now, &intended)) {
            Do::Nothing
        } else {
            Do::PutUserPolicy {
                project: project.clone(),
                name: user_policy::NAME,
                document: intended.clone(),
            }
        };
        let now = pretty(now.unwrap_or_default());
        self.step(what, now, pretty(&intended), action);
        Ok(())
    }

    fn step(&mut self, what: String, now: String, intended: String, action: Do) {
        self.plan.steps.push(Step {
            what,
            now,
            intended,
            action,
        });
    }
}

/// `None` if the admin's keys may not look.
fn visible<T>(answer: Result<T, EchoError>) -> Result<Option<T>, EchoError> {
    match answer {
        Ok(seen) => Ok(Some(seen)),
        Err(EchoError::Refused {
            status: 403, code, ..
        }) if code == "AccessDenied" => Ok(None),
        Err(error) => Err(error),
    }
}

/// JSON with a line for each thing; other text as it is.
fn pretty(text: &str) -> String {
    serde_json::from_str::<Value>(text)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_else(|| text.to_owned())
}

/// The admin's keys, which a plan with steps for them was made with.
pub(super) fn admin(site: &SurveySite) -> Result<&Credentials, EchoError> {
    site.admin.as_ref().ok_or_else(|| EchoError::Unexpected {
        operation: "apply a plan",
        why: "it was made with an admin's keys and is applied without".to_owned(),
    })
}
