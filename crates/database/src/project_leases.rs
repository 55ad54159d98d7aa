//! A survey's leases by one of its projects, for an operator who is about to suspend the project.

use skykey_broker::{DatabaseError, ProjectLeases};
use skykey_types::{Access, Method, ProjectName, Survey, Timestamp};
use sqlx::sqlite::SqlitePool;

use crate::failed;
use crate::row::{get, optional_time};

pub(crate) async fn read(
    readers: &SqlitePool,
    survey: &Survey,
    project: &ProjectName,
    now: Timestamp,
) -> Result<ProjectLeases, DatabaseError> {
    let access = survey
        .access_of_project(project.as_str())
        .map(Access::as_str);
    let row = sqlx::query(
        "SELECT \
           count(DISTINCT CASE WHEN revoked IS NULL THEN issuer || ' ' || sub END) AS people, \
           count(CASE WHEN revoked IS NULL THEN 1 END) AS live, \
           max(CASE WHEN revoked_why = 'removed' THEN expires END) AS revoked_until \
         FROM lease WHERE survey = ?1 AND (?2 IS NULL OR access = ?2) AND method IN ('ec2', 'sts-lite') \
           AND (expires IS NULL OR expires > ?3)",
    )
    .bind(survey.name.as_str())
    .bind(access)
    .bind(now.as_microsecond())
    .fetch_one(readers)
    .await
    .map_err(failed)?;
    let offers_ec2 = survey.methods.contains(&Method::Ec2);
    let pending_deletions = pending_deletions(readers, project, offers_ec2).await?;
    let ec2_ended = if pending_deletions > 0 {
        Some(now)
    } else {
        last_ec2_end(readers, survey, access, offers_ec2, now).await?
    };
    Ok(ProjectLeases {
        people: get(&row, "people")?,
        live: get(&row, "live")?,
        revoked_until: optional_time(&row, "revoked_until")?,
        ec2_ended,
        pending_deletions,
    })
}

/// Returns of how many people EC2 credentials for the project are still to be deleted.
async fn pending_deletions(
    readers: &SqlitePool,
    project: &ProjectName,
    offers_ec2: bool,
) -> Result<i64, DatabaseError> {
    let row = sqlx::query(
        "SELECT count(DISTINCT issuer || ' ' || sub) FROM left_over \
         WHERE project = ? AND (? OR keystone_user <> '')",
    )
    .bind(project.as_str())
    .bind(offers_ec2)
    .fetch_one(readers)
    .await
    .map_err(failed)?;
    get(&row, 0)
}

/// Returns when the last EC2 credential of somebody's own ended, as far as that is known; `now`, if
/// it should have ended and is not deleted yet.
async fn last_ec2_end(
    readers: &SqlitePool,
    survey: &Survey,
    access: Option<&str>,
    offers_ec2: bool,
    now: Timestamp,
) -> Result<Option<Timestamp>, DatabaseError> {
    // The leases by it; the removals; and the deletions that came later, or of credentials that were
    // made in OpenStack.
    let row = sqlx::query(
        "SELECT max(gone) AS gone FROM ( \
           SELECT max(CASE WHEN ec2_gone = 0 THEN ?3 ELSE COALESCE(ec2_gone_at, revoked, expires) END) AS gone \
             FROM lease WHERE survey = ?1 AND (?2 IS NULL OR access = ?2) AND method = 'ec2' \
             AND (revoked IS NOT NULL OR expires <= ?3) \
           UNION ALL SELECT max(revoked) FROM lease \
             WHERE survey = ?1 AND (?2 IS NULL OR access = ?2) AND revoked_why = 'removed' \
             AND (?4 OR keystone_user IS NOT NULL) \
           UNION ALL SELECT max(at) FROM audit \
             WHERE survey = ?1 AND action = 'delete-ec2' AND outcome = 'yes')",
    )
    .bind(survey.name.as_str())
    .bind(access)
    .bind(now.as_microsecond())
    .bind(offers_ec2)
    .fetch_one(readers)
    .await
    .map_err(failed)?;
    optional_time(&row, "gone")
}
