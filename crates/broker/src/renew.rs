//! `GetSessionToken`: an EC2 credential in, fresh temporary credentials out, as often as wanted while
//! its owner is in the group.

use skykey_sts::SessionClaims;
use skykey_types::{Allowed, Lease, LeaseId, Lifetime, Limits, Method};

use crate::authenticate::{Kind, Principal};
use crate::database::{Audit, LeaseRow};
use crate::{Broker, Caller, Denied, Issued};

impl Broker {
    /// Answers `GetSessionToken`. `asked` is what `DurationSeconds` said.
    ///
    /// For the backend user no lease is written: the broker itself asks, and writes the lease of
    /// the person for whom it does.
    pub async fn renew(
        &self,
        principal: &Principal,
        asked: Option<&str>,
    ) -> Result<Issued, Denied> {
        match self.try_renew(principal, asked).await {
            Ok(issued) => Ok(issued),
            Err(denied) => {
                let caller = Caller {
                    id: principal.subject.clone(),
                    username: principal.username.clone(),
                    iam_token: None,
                };
                let audit = Audit {
                    survey: Some(principal.survey.to_string()),
                    method: Some(Method::StsLite.to_string()),
                    lease: Some(principal.lease.clone()),
                    ..Audit::no(self.clock.now(), &caller, "renew", &denied)
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
    ) -> Result<Issued, Denied> {
        let Kind::Ec2 {
            keystone_user,
            backend,
        } = &principal.kind
        else {
            return Err(Denied::NeedsEc2);
        };
        let asked = match asked {
            None => None,
            Some(text) => Some(
                text.parse()
                    .and_then(|asked: Lifetime| Limits::STS.check(asked))?,
            ),
        };
        let survey = self
            .surveys
            .named(principal.survey.as_str())
            .ok_or_else(|| Denied::NoSuchSurvey(principal.survey.to_string()))?;
        if !survey.methods.contains(&Method::StsLite) {
            let offered = survey.methods.clone();
            return Err(Denied::NoSuchMethod {
                survey: survey.name.clone(),
                method: Method::StsLite,
                offered,
            });
        }
        let account_end = if *backend {
            None
        } else {
            let person = self
                .active_person(&principal.subject, &principal.username)
                .await?;
            self.check_member(&person, survey, principal.access)?;
            person.account_end
        };
        // It may have been revoked since the request was authenticated.
        self.check_revoked(&principal.lease)?;
        let now = self.clock.now();
        let allowed = Allowed::decide(
            asked,
            Limits::STS_DEFAULT,
            survey.lifetime.max,
            Limits::STS.min,
            now,
            account_end,
        )?;
        let claims = SessionClaims {
            subject: principal.subject.clone(),
            username: principal.username.clone(),
            survey: survey.name.clone(),
            access: principal.access,
            rights: principal.rights.clone(),
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
            method: Method::StsLite,
            access_key_id: credentials.access_key_id.clone(),
            asked,
            limit: allowed.limit,
            issued: now,
            expires: Some(expires),
            revoked: None,
        };
        let row = LeaseRow {
            lease,
            keystone_user: Some(keystone_user.clone()),
        };
        if !backend {
            self.record("renew", &row).await?;
        }
        Ok(Issued {
            lease: row.lease,
            credentials,
        })
    }
}
