//! Issuing a lease to a person who asks for one, at the portal or through the API.

use std::sync::Arc;

use skykey_types::{
    Access, AccessKeyId, Allowed, Credentials, Lease, LeaseId, Lifetime, Method, ProjectName,
    RequestId, Rights, Secret, SignedDuration, SubjectId, Survey, Timestamp,
};

use crate::database::{Audit, LeaseRecord};
use crate::request::{method_in_audit, survey_in_audit};
use crate::token_request::TokenRequest;
use crate::{Broker, Denied, KeyOwner, LeaseRequest, PersonsKey};

/// The person who makes a request. Whether they may is not yet known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub id: SubjectId,
    /// Their login name.
    pub username: String,
    /// Their IAM access token, if there is one to act with in their name.
    pub iam_token: Option<Secret>,
}

/// A lease with its credentials, which are shown once.
#[derive(Debug)]
pub struct Issued {
    /// The lease.
    pub lease: Lease,
    /// The survey that it opens.
    pub survey: Arc<Survey>,
    /// Its credentials.
    pub credentials: Credentials,
    /// The lifetime that the credentials were requested with. By our clock they last no longer than that
    /// from [`Lease::issued`], even if `expires`, which is by the other system's clock, is later.
    pub lifetime: SignedDuration,
}

impl Broker {
    /// Issues a lease, or says why not. Either way it is in the audit.
    pub async fn issue(
        &self,
        caller: &Caller,
        request: &LeaseRequest,
        request_id: &RequestId,
    ) -> Result<Issued, Denied> {
        match self.try_issue(caller, request, request_id).await {
            Ok(issued) => Ok(issued),
            Err(denied) => {
                let method = request.method.map(Method::as_str);
                self.refuse_issue(caller, request.survey.as_str(), method, denied, request_id)
                    .await
            }
        }
    }

    /// Counts a refusal and writes it down, with the survey and the method as they were asked for.
    pub(crate) async fn refuse_issue<T>(
        &self,
        caller: &Caller,
        survey: &str,
        method: Option<&str>,
        denied: Denied,
        request_id: &RequestId,
    ) -> Result<T, Denied> {
        tracing::info!(subject = %caller.id, username = caller.username, survey, %denied, "lease refused");
        self.metrics.refused(&self.surveys, survey, method, &denied);
        let audit = Audit {
            survey: survey_in_audit(survey),
            method: method.map(method_in_audit),
            ..Audit::no(self.clock.now(), caller, "issue", &denied, request_id)
        };
        self.database.audit(&audit).await?;
        Err(denied)
    }

    async fn try_issue(
        &self,
        caller: &Caller,
        request: &LeaseRequest,
        request_id: &RequestId,
    ) -> Result<Issued, Denied> {
        let survey = self
            .surveys
            .named(request.survey.as_str())
            .ok_or_else(|| Denied::NoSuchSurvey(request.survey.to_string()))?;
        let access = request.access;
        let method = offered_method(survey, request.method)?;
        let asked = request.lifetime;
        if let Some(asked) = asked {
            survey.lifetime.check(asked)?;
        }
        let rights = narrowed(survey, access, method, request.within.as_ref())?;
        let person = self.membership.of(caller).await?;
        self.membership.check(&person, survey, access)?;
        self.proofs.check(survey, method, access).await?;
        let now = self.clock.now();
        let allowed = decide(survey, method, asked, person.account_end, now)?;
        let (credentials, expires, keystone_user) = match method {
            Method::Gateway => {
                let claims = skykey_sts::SessionClaims {
                    subject: caller.id.clone(),
                    username: person.username.clone(),
                    survey: survey.name.clone(),
                    access,
                    rights,
                    expiration: now + allowed.lifetime.duration(),
                };
                let credentials = self.tokens.mint(&claims);
                let expires = credentials.expiration.unwrap_or(claims.expiration);
                (credentials, expires, None)
            }
            Method::StsLite | Method::AssumeRole => {
                let (session, lifetime) = (&person.username, allowed.lifetime);
                let token = TokenRequest::of(method, survey, access, session, lifetime)?
                    .with_rights(rights);
                let project = survey.project(access);
                let (credentials, user) = match request.key_owner {
                    KeyOwner::Person => self.exchange_own_key(caller, project, &token).await?,
                    KeyOwner::Backend => {
                        self.backend_keys.note_use(project);
                        (self.backend_keys.exchange(project, &token).await?, None)
                    }
                };
                let expires = credentials
                    .expiration
                    .unwrap_or(now + allowed.lifetime.duration());
                (credentials, expires, user)
            }
            Method::Ec2 => {
                let token = caller.iam_token.as_ref().ok_or(Denied::NeedsLogin)?;
                let made = self
                    .ec2
                    .create_for_person(token, survey.project(access))
                    .await
                    .map_err(|error| Denied::port("Keystone", error))?;
                (
                    made.credentials(),
                    now + allowed.lifetime.duration(),
                    Some(made.user_id),
                )
            }
        };
        let lease = Lease {
            id: LeaseId::of(&credentials.access_key_id),
            subject: caller.id.clone(),
            username: person.username,
            survey: survey.name.clone(),
            access,
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
            keystone_user,
        };
        if let Err(error) = self.record("issue", &row, request_id).await {
            // The credentials were never shown; an EC2 credential must not stay behind.
            if let (Method::Ec2, Some(user)) = (method, &row.keystone_user) {
                self.delete_unwritten(user, &row.lease.access_key_id).await;
            }
            return Err(error);
        }
        Ok(Issued {
            lease: row.lease,
            survey: survey.clone(),
            credentials,
            lifetime: allowed.lifetime.duration(),
        })
    }

    /// Returns temporary credentials from the person's own EC2 credential, and the Keystone user that
    /// owns it.
    async fn exchange_own_key(
        &self,
        caller: &Caller,
        project: &ProjectName,
        request: &TokenRequest<'_>,
    ) -> Result<(Credentials, Option<String>), Denied> {
        let token = caller.iam_token.as_ref().ok_or(Denied::NeedsLogin)?;
        let PersonsKey { key, made } = self
            .ec2
            .of_person(token, project)
            .await
            .map_err(|error| Denied::port("Keystone", error))?;
        match request.send(&*self.exchange, &key).await {
            Ok(credentials) => Ok((credentials, Some(key.user_id))),
            Err(error) => {
                if made {
                    self.delete_unwritten(&key.user_id, &key.access).await;
                }
                Err(Denied::port("STS", error))
            }
        }
    }

    /// Deletes an EC2 credential that could not be written down.
    async fn delete_unwritten(&self, user_id: &str, access: &AccessKeyId) {
        if let Err(error) = self.ec2.delete(user_id, access).await {
            tracing::error!(%error, %access, "an EC2 credential stayed behind; delete it in Keystone");
        }
    }

    /// Writes a new lease and its audit entry, in one transaction.
    pub(crate) async fn record(
        &self,
        action: &'static str,
        row: &LeaseRecord,
        request_id: &RequestId,
    ) -> Result<(), Denied> {
        let audit = lease_audit(action, &row.lease, request_id);
        self.database.insert_lease(row, &audit).await?;
        self.recorded(action, &row.lease);
        Ok(())
    }

    /// Counts and logs a lease that was written.
    pub(crate) fn recorded(&self, action: &'static str, lease: &Lease) {
        let until = until(lease);
        self.metrics.issued(lease);
        tracing::info!(lease = %lease.id, subject = %lease.subject, username = lease.username, survey = %lease.survey,
            method = %lease.method, access = %lease.access, %until, action, "lease");
    }
}

/// Returns the rights of the lease: the survey's, within those of the request. A method that cannot
/// narrow its credentials refuses a request to do so, since the client relies on it.
fn narrowed(
    survey: &Survey,
    access: Access,
    method: Method,
    within: Option<&Rights>,
) -> Result<Rights, Denied> {
    let rights = survey.rights(access);
    match within {
        None => Ok(rights),
        Some(within) if method.narrows() => Ok(rights.intersect(within)),
        Some(_) => Err(Denied::NotNarrowed(method)),
    }
}

/// Returns how long the lease may last, by the survey, the account's end and the request.
fn decide(
    survey: &Survey,
    method: Method,
    asked: Option<Lifetime>,
    account_end: Option<Timestamp>,
    now: Timestamp,
) -> Result<Allowed, Denied> {
    let limits = survey.lifetime;
    let mut allowed = Allowed::decide(
        asked,
        Lifetime::seconds(limits.min),
        limits.max,
        limits.min,
        now,
        account_end,
    )?;
    if let Some(cut) = survey.cut
        && method == Method::Gateway
    {
        allowed.lifetime = allowed.lifetime.min(cut);
    }
    Ok(allowed)
}

/// Returns the method that was asked for, or the survey's first, if the survey offers it.
fn offered_method(survey: &Survey, asked: Option<Method>) -> Result<Method, Denied> {
    match asked.or(survey.methods.first().copied()) {
        None => Err(Denied::NoSuchSurvey(survey.name.to_string())),
        Some(method) if survey.methods.contains(&method) => Ok(method),
        Some(method) => Err(Denied::NoSuchMethod {
            survey: survey.name.clone(),
            method,
            offered: survey.methods.clone(),
        }),
    }
}

/// Returns the audit entry for a new lease.
pub(crate) fn lease_audit(action: &'static str, lease: &Lease, request_id: &RequestId) -> Audit {
    let reason = format!(
        "member of the survey's group; {} until {}, decided by: {}",
        lease.access,
        until(lease),
        lease.limit.as_str()
    );
    Audit {
        at: lease.issued,
        subject: lease.subject.clone(),
        username: lease.username.clone(),
        action,
        yes: true,
        reason,
        survey: Some(lease.survey.to_string()),
        method: Some(lease.method.to_string()),
        lease: Some(lease.id.clone()),
        request_id: Some(request_id.clone()),
    }
}

fn until(lease: &Lease) -> String {
    lease
        .expires
        .map_or_else(|| "revoked".to_owned(), |end| end.to_string())
}
