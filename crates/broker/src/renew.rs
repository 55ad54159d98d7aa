//! `GetSessionToken` and `AssumeRole` at our own endpoint: an EC2 credential in, fresh temporary
//! credentials out, as often as wanted while its owner is in the group.

use skykey_sts::SessionClaims;
use skykey_types::{
    Allowed, Lease, LeaseId, Lifetime, LifetimeError, Limits, Method, RequestId, Rights, Survey,
    Timestamp,
};

use crate::authenticate::{Kind, Principal};
use crate::database::{Audit, LeaseRecord};
use crate::request::parse_lifetime;
use crate::{Broker, Caller, Denied, Issued};

/// Which temporary credentials are asked for.
#[derive(Debug, Clone)]
pub enum Renewal<'a> {
    /// `GetSessionToken`: all that the EC2 credential may.
    SessionToken,
    /// `AssumeRole`: the survey's role, by its ARN, narrowed to the rights of the session policy.
    Role(&'a str, Option<Rights>),
}

impl Renewal<'_> {
    fn method(&self) -> Method {
        match self {
            Self::SessionToken => Method::StsLite,
            Self::Role(..) => Method::AssumeRole,
        }
    }
}

impl Broker {
    /// Answers `GetSessionToken` or `AssumeRole`. `asked` is `DurationSeconds` as it was written: it is
    /// parsed here, once, so that a wrong one is in the audit.
    ///
    /// For the backend user no lease is written: the broker itself asks, and writes the lease of
    /// the person for whom it does.
    pub async fn renew(
        &self,
        principal: &Principal,
        asked: Option<&str>,
        what: &Renewal<'_>,
        request_id: &RequestId,
    ) -> Result<Issued, Denied> {
        match self.try_renew(principal, asked, what, request_id).await {
            Ok(issued) => Ok(issued),
            Err(denied) => {
                self.metrics.refused(
                    &self.surveys,
                    principal.survey.as_str(),
                    Some(what.method().as_str()),
                    &denied,
                );
                let caller = Caller {
                    id: principal.subject.clone(),
                    username: principal.username.clone(),
                    iam_token: None,
                };
                let audit = Audit {
                    survey: Some(principal.survey.to_string()),
                    method: Some(what.method().to_string()),
                    lease: Some(principal.lease.clone()),
                    ..Audit::no(self.clock.now(), &caller, "renew", &denied, request_id)
                };
                self.database.audit(&audit).await?;
                Err(denied)
            }
        }
    }

    async fn try_renew(
        &self,
        principal: &Principal,
        asked: Option<&str>,
        what: &Renewal<'_>,
        request_id: &RequestId,
    ) -> Result<Issued, Denied> {
        let method = what.method();
        let Kind::Ec2 {
            keystone_user,
            backend,
        } = &principal.kind
        else {
            return Err(Denied::NeedsEc2);
        };
        let asked = parse_lifetime(asked)?;
        if let Some(asked) = asked {
            Limits::STS.check(asked)?;
        }
        let survey = self
            .surveys
            .named(principal.survey.as_str())
            .ok_or_else(|| Denied::NoSuchSurvey(principal.survey.to_string()))?;
        if !survey.methods.contains(&method) {
            let offered = survey.methods.clone();
            return Err(Denied::NoSuchMethod {
                survey: survey.name.clone(),
                method,
                offered,
            });
        }
        let rights = match what {
            Renewal::SessionToken => principal.rights.clone(),
            Renewal::Role(arn, policy) => {
                let role = survey.roles.of(principal.access);
                if role.is_none_or(|role| role.as_str() != *arn) {
                    return Err(Denied::NotTheRole {
                        survey: survey.name.clone(),
                        access: principal.access,
                    });
                }
                match policy {
                    Some(policy) => principal.rights.intersect(policy),
                    None => principal.rights.clone(),
                }
            }
        };
        let account_end = if *backend {
            None
        } else {
            let person = self
                .membership
                .active(&principal.subject, &principal.username, None)
                .await?;
            self.membership.check(&person, survey, principal.access)?;
            person.account_end
        };
        // It may have been revoked since the request was authenticated.
        self.revocations.check(&principal.lease)?;
        let now = self.clock.now();
        let allowed = lifetime(asked, survey, principal, account_end, now)?;
        let claims = SessionClaims {
            subject: principal.subject.clone(),
            username: principal.username.clone(),
            survey: survey.name.clone(),
            access: principal.access,
            rights,
            expiration: now + allowed.lifetime.duration(),
        };
        let credentials = self.tokens.mint(&claims);
        let expires = credentials.expiration.unwrap_or(claims.expiration);
        let lease = Lease {
            id: LeaseId::of(&credentials.access_key_id),
            subject: principal.subject.clone(),
            username: principal.username.clone(),
            survey: survey.name.clone(),
            access: principal.access,
            method,
            access_key_id: credentials.access_key_id.clone(),
            asked,
            limit: allowed.limit,
            issued: now,
            expires: Some(expires),
            revoked: None,
        };
        let row = LeaseRecord {
            lease,
            keystone_user: Some(keystone_user.clone()),
        };
        if !backend {
            self.record("renew", &row, request_id).await?;
        }
        Ok(Issued {
            lease: row.lease,
            survey: survey.clone(),
            credentials,
            lifetime: allowed.lifetime.duration(),
        })
    }
}

/// How long the temporary credentials last: within the survey's maximum, the account's end and the
/// end of the EC2 credential's own lease. Whoever was given that until noon has nothing of it in the
/// afternoon.
fn lifetime(
    asked: Option<Lifetime>,
    survey: &Survey,
    principal: &Principal,
    account_end: Option<Timestamp>,
    now: Timestamp,
) -> Result<Allowed, LifetimeError> {
    let shortest = Limits::STS.min;
    let allowed = Allowed::decide(
        asked,
        Limits::STS_DEFAULT,
        survey.lifetime.max,
        shortest,
        now,
        account_end,
    )?;
    match principal.expires {
        Some(end) => allowed.within_lease(end, shortest, now),
        None => Ok(allowed),
    }
}
