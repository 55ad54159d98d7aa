//! How a survey's leases by one of its projects stand, for whoever is about to suspend the project.

use skykey_types::{Method, ProjectName, Survey, Timestamp};
use sqlx::Row;

use super::{Database, DatabaseError, optional_time};
use crate::after_removal::OWN_TOKENS_LAST;

/// How a survey's leases by its project stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// People with live leases.
    pub people: i64,
    /// Live leases.
    pub live: i64,
    /// When the last lease of somebody who was removed would expire, if one has not.
    pub revoked_until: Option<Timestamp>,
    /// Until when session tokens may work that somebody made at a Ceph's own STS from an EC2 credential
    /// of their own which is no more, or is still to be deleted (then counted from now). It is 300 s and
    /// 43,200 s after the credential's end; later, if the site raised `rgw_sts_max_session_duration`.
    pub own_tokens_until: Option<Timestamp>,
    /// How many people were removed whose EC2 credentials are still to be deleted at Keystone.
    pub left_over: i64,
}

impl Database {
    /// Who has live leases of the survey by an EC2 credential or a session token of `project`, and until
    /// when those of people who were removed would work. What people make in OpenStack is not known; if
    /// the survey offers `ec2`, everybody who was removed is taken to have had a credential.
    pub async fn standing(
        &self,
        survey: &Survey,
        project: &ProjectName,
        now: Timestamp,
    ) -> Result<Standing, DatabaseError> {
        let access = survey
            .access_of_project(project.as_str())
            .map(skykey_types::Access::as_str);
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
        .fetch_one(&self.readers)
        .await?;
        let offers_ec2 = survey.methods.contains(&Method::Ec2);
        let left_over = self.left_over_of(project, offers_ec2).await?;
        let mut gone = self.last_ec2_end(survey, access, offers_ec2, now).await?;
        if left_over > 0 {
            gone = Some(now);
        }
        Ok(Standing {
            people: row.try_get("people")?,
            live: row.try_get("live")?,
            revoked_until: optional_time(&row, "revoked_until")?,
            own_tokens_until: gone
                .map(|gone| gone + OWN_TOKENS_LAST)
                .filter(|end| *end > now),
            left_over,
        })
    }

    async fn left_over_of(
        &self,
        project: &ProjectName,
        offers_ec2: bool,
    ) -> Result<i64, DatabaseError> {
        let row = sqlx::query(
            "SELECT count(DISTINCT issuer || ' ' || sub) FROM left_over \
             WHERE project = ? AND (? OR keystone_user <> '')",
        )
        .bind(project.as_str())
        .bind(offers_ec2)
        .fetch_one(&self.readers)
        .await?;
        Ok(row.try_get(0)?)
    }

    /// When the last EC2 credential of somebody's own ended, as far as that is known; `now`, if it should
    /// have and is not deleted yet.
    async fn last_ec2_end(
        &self,
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
        .fetch_one(&self.readers)
        .await?;
        optional_time(&row, "gone")
    }
}
