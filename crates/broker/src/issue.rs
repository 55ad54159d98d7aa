//! Issuing a lease to a person who asks for one, at the portal or through the API.

use skykey_types::{
    Access, AccessKeyId, Allowed, Credentials, Lease, LeaseId, Lifetime, LifetimeError, Method,
    ProjectName, Rights, Secret, SignedDuration, SubjectId, Survey, Timestamp,
};

use crate::database::{Audit, LeaseRow};
use crate::exchange::Way;
use crate::{Broker, Denied, PersonsKey};

/// Who asks. Whether they may is not yet known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub id: SubjectId,
    /// Their login name.
    pub username: String,
    /// Their IAM access token, if there is one to act with in their name.
    pub iam_token: Option<Secret>,
}

/// What is asked for, as it was written: nothing has been checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Wish {
    /// The survey's name.
    pub survey: String,
    /// Seconds; the shortest lease if left out.
    pub lifetime: Option<String>,
    /// `ec2`, `sts-lite` or `gateway`; the survey's first if left out.
    pub method: Option<String>,
    /// `read` or `write`; `read` if left out.
    pub access: Option<String>,
    /// Whose EC2 credential is exchanged by `sts-lite` and `assume-role`: `backend` (if left out) or
    /// `own`, the person's, which is made if they have none.
    pub key: Option<String>,
    /// Narrows the credentials to what these rights allow too: the methods `gateway` and `assume-role` can.
    /// It never widens them.
    pub within: Option<Rights>,
}

/// A lease with its credentials, which are shown once.
#[derive(Debug)]
pub struct Issued {
    /// The lease.
    pub lease: Lease,
    /// Its credentials.
    pub credentials: Credentials,
    /// How long it was asked for of whoever made the credentials. By our clock they last no longer from
    /// [`Lease::issued`] on, even if `expires`, which is told by theirs, seems to be further away.
    pub lifetime: SignedDuration,
}

impl Broker {
    /// Issues a lease, or says why not. Either way it is in the audit.
    pub async fn issue(&self, caller: &Caller, wish: &Wish) -> Result<Issued, Denied> {
        match self.try_issue(caller, wish).await {
            Ok(issued) => Ok(issued),
            Err(denied) => {
                tracing::info!(subject = %caller.id, username = caller.username, survey = wish.survey, %denied, "lease refused");
                self.metrics
                    .refused(&self.surveys, &wish.survey, wish.method.as_deref(), &denied);
                let audit = Audit {
                    survey: Some(wish.survey.chars().take(80).collect()),
                    method: wish
                        .method
                        .as_ref()
                        .map(|method| method.chars().take(40).collect()),
                    ..Audit::no(self.clock.now(), caller, "issue", &denied)
                };
                self.database.audit(&audit).await?;
                Err(denied)
            }
        }
    }

    async fn try_issue(&self, caller: &Caller, wish: &Wish) -> Result<Issued, Denied> {
        let survey = self
            .surveys
            .named(&wish.survey)
            .ok_or_else(|| Denied::NoSuchSurvey(wish.survey.chars().take(80).collect()))?;
        let access = parse_access(wish.access.as_deref())?;
        let method = parse_method(survey, wish.method.as_deref())?;
        let own = parse_key(wish.key.as_deref())?;
        let asked = parse_lifetime(survey, wish.lifetime.as_deref())?;
        let rights = narrowed(survey, access, method, wish.within.as_ref())?;
        let person = self.person(caller).await?;
        self.check_member(&person, survey, access)?;
        self.check_proof(survey, method, access).await?;
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
                let way = Way::of(method, survey, access, &person.username, allowed.lifetime)?
                    .with(rights);
                let project = survey.project(access);
                let (credentials, user) = if own {
                    self.exchange_own_key(caller, project, &way).await?
                } else {
                    self.backend_keys.slot(project).ask(now);
                    (self.exchange_backend_key(project, &way).await?, None)
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
        let row = LeaseRow {
            lease,
            keystone_user,
        };
        if let Err(error) = self.record("issue", &row).await {
            // The credentials were never shown; an EC2 credential must not stay behind.
            if let (Method::Ec2, Some(user)) = (method, &row.keystone_user) {
                self.delete_unwritten(user, &row.lease.access_key_id).await;
            }
            return Err(error);
        }
        Ok(Issued {
            lease: row.lease,
            credentials,
            lifetime: allowed.lifetime.duration(),
        })
    }

    /// Temporary credentials from the person's own EC2 credential, and the Keystone user that has it.
    async fn exchange_own_key(
        &self,
        caller: &Caller,
        project: &ProjectName,
        way: &Way<'_>,
    ) -> Result<(Credentials, Option<String>), Denied> {
        let token = caller.iam_token.as_ref().ok_or(Denied::NeedsLogin)?;
        let PersonsKey { key, made } = self
            .ec2
            .of_person(token, project)
            .await
            .map_err(|error| Denied::port("Keystone", error))?;
        match self.exchange(&key, way).await {
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
    pub(crate) async fn record(&self, action: &'static str, row: &LeaseRow) -> Result<(), Denied> {
        let lease = &row.lease;
        let until = lease
            .expires
            .map_or_else(|| "revoked".to_owned(), |end| end.to_string());
        let reason = format!(
            "member of the survey's group; {} until {until}, decided by: {}",
            lease.access,
            lease.limit.as_str()
        );
        let audit = Audit {
            at: lease.issued,
            subject: lease.subject.clone(),
            username: lease.username.clone(),
            action,
            yes: true,
            reason,
            survey: Some(lease.survey.to_string()),
            method: Some(lease.method.to_string()),
            lease: Some(lease.id.clone()),
        };
        self.database.insert(row, &audit).await?;
        self.metrics.issued(lease);
        tracing::info!(lease = %lease.id, subject = %lease.subject, username = lease.username, survey = %lease.survey,
            method = %lease.method, access = %lease.access, %until, action, "lease");
        Ok(())
    }
}

/// The rights of the lease: the survey's, within what was wished. With a method that cannot narrow its
/// credentials, a wish to do so is refused: whoever wishes it believes to be protected by it.
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

/// Whether the person's own EC2 credential is to be exchanged.
/// How long the lease may last, by the survey, the account's end and what was asked for.
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

fn parse_key(text: Option<&str>) -> Result<bool, Denied> {
    match text {
        None | Some("backend") => Ok(false),
        Some("own") => Ok(true),
        Some(other) => Err(Denied::NotAKey(other.chars().take(40).collect())),
    }
}

fn parse_access(text: Option<&str>) -> Result<Access, Denied> {
    match text {
        None | Some("read") => Ok(Access::Read),
        Some("write") => Ok(Access::Write),
        Some(other) => Err(Denied::NotAnAccess(other.chars().take(40).collect())),
    }
}

fn parse_method(survey: &Survey, text: Option<&str>) -> Result<Method, Denied> {
    let Some(text) = text else {
        return survey
            .methods
            .first()
            .copied()
            .ok_or_else(|| Denied::NoSuchSurvey(survey.name.to_string()));
    };
    let method: Method = text.parse()?;
    if survey.methods.contains(&method) {
        Ok(method)
    } else {
        Err(Denied::NoSuchMethod {
            survey: survey.name.clone(),
            method,
            offered: survey.methods.clone(),
        })
    }
}

fn parse_lifetime(survey: &Survey, text: Option<&str>) -> Result<Option<Lifetime>, LifetimeError> {
    text.map(|text| text.parse().and_then(|asked| survey.lifetime.check(asked)))
        .transpose()
}
