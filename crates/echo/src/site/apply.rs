//! Doing what a plan says.

use skykey_types::BucketName;

use super::plan::{admin, limit_command};
use super::{Do, SitePlan, SurveySite};
use crate::user_policy::{put_back, remember, same};
use crate::{Echo, EchoError, ProjectId};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// What was changed, and read back since.
    pub done: Vec<String>,
    /// What somebody else has to run; then plan and apply again.
    pub outstanding: Vec<String>,
}

/// Does the steps of `plan` in their order and reads each back. If somebody else has to run something
/// first, nothing is done. What was changed since the plan was made is not overwritten.
pub async fn apply(echo: &Echo, site: &SurveySite, plan: &SitePlan) -> Result<Applied, EchoError> {
    let mut applied = Applied {
        done: Vec::new(),
        outstanding: plan.operator_commands().map(str::to_owned).collect(),
    };
    if !applied.outstanding.is_empty() {
        return Ok(applied);
    }
    for step in &plan.steps {
        match &step.action {
            Do::Nothing | Do::CheckByHand(_) | Do::OperatorCommand(_) => continue,
            Do::LimitUser { project } => {
                if !limit(echo, site, project).await? {
                    applied.outstanding.push(limit_command(project));
                    return Ok(applied);
                }
            }
            Do::PutBucketPolicy {
                bucket,
                before,
                document,
            } => put_bucket_policy(echo, site, bucket, before.as_deref(), document).await?,
            Do::PutUserPolicy {
                project,
                name,
                document,
            } => put_user_policy(echo, site, project, name, document).await?,
        }
        applied.done.push(step.what.clone());
    }
    Ok(applied)
}

/// Limits a project to reading and puts its user policies back; whether the admin's keys may.
async fn limit(echo: &Echo, site: &SurveySite, project: &ProjectId) -> Result<bool, EchoError> {
    let admin = admin(site)?;
    let policies = remember(echo, admin, project).await?;
    match echo.limit_to_reading(admin, project).await {
        Err(EchoError::Refused {
            status: 403, code, ..
        }) if code == "AccessDenied" => {
            return Ok(false);
        }
        outcome => {
            // Also after an answer that did not come: it may have been done.
            let back = put_back(echo, admin, project, &policies).await;
            outcome?;
            back?;
        }
    }
    let user = echo.user(admin, project).await?;
    if user.is_some_and(|user| user.is_limited_to_reading()) {
        Ok(true)
    } else {
        let what = format!("the limit of project {project}");
        Err(EchoError::NotKept { what })
    }
}

async fn put_bucket_policy(
    echo: &Echo,
    site: &SurveySite,
    bucket: &BucketName,
    before: Option<&str>,
    document: &str,
) -> Result<(), EchoError> {
    let what = || format!("the policy of bucket {bucket}");
    // RGW knows no condition for this; the moment between is short.
    if echo.bucket_policy(&site.data, bucket).await?.as_deref() != before {
        return Err(EchoError::ChangedMeanwhile { what: what() });
    }
    echo.put_bucket_policy(&site.data, bucket, document).await?;
    match echo.bucket_policy(&site.data, bucket).await? {
        Some(kept) if kept == document || same(&kept, document) => Ok(()),
        _ => Err(EchoError::NotKept { what: what() }),
    }
}

async fn put_user_policy(
    echo: &Echo,
    site: &SurveySite,
    project: &ProjectId,
    name: &str,
    document: &str,
) -> Result<(), EchoError> {
    let admin = admin(site)?;
    echo.put_user_policy(admin, project, name, document).await?;
    match echo.user_policy(admin, project, name).await? {
        Some(kept) if same(&kept, document) => Ok(()),
        _ => Err(EchoError::NotKept {
            what: format!("the user policy {name} of project {project}"),
        }),
    }
}
