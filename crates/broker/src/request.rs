//! Requests for a lease: the fields as somebody wrote them, and what they mean.
//!
//! A form, a JSON body or an STS request is parsed once, by [`Broker::parse_request`] or
//! [`Broker::parse_role_request`]. From there on a request is typed. A request that does not parse
//! is refused, and the refusal is in the audit like any other.

use skykey_types::{
    Access, Lifetime, LifetimeError, Limits, Method, RequestId, Rights, Survey, SurveyName,
};

use crate::{Broker, Caller, Denied, Surveys};

/// Longest survey name that is written down as it came, in characters.
const MAX_SURVEY_CHARS: usize = 80;
/// Longest method, access or key that is written down as it came, in characters.
const MAX_WORD_CHARS: usize = 40;
/// Longest role ARN that is written down as it came, in characters.
const MAX_ROLE_CHARS: usize = 120;

/// Whose EC2 credential is exchanged by `sts-lite` and `assume-role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyOwner {
    /// The backend user's.
    #[default]
    Backend,
    /// The person's own, which is made if they have none.
    Person,
}

/// A request for a lease of a survey.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseRequest {
    /// The survey; whether there is one of that name is not yet known.
    pub survey: SurveyName,
    /// How long the lease is to last; the survey's shortest if left out.
    pub lifetime: Option<Lifetime>,
    /// How the credentials are made; the survey's first method if left out.
    pub method: Option<Method>,
    /// How far the lease goes.
    pub access: Access,
    /// Whose EC2 credential is exchanged.
    pub key_owner: KeyOwner,
    /// Narrows the credentials to what these rights allow too. It never widens them. Only the
    /// methods `gateway` and `assume-role` can.
    pub within: Option<Rights>,
}

impl LeaseRequest {
    /// Returns a request to read the survey, with everything else left to the survey.
    pub fn new(survey: SurveyName) -> Self {
        Self {
            survey,
            lifetime: None,
            method: None,
            access: Access::Read,
            key_owner: KeyOwner::default(),
            within: None,
        }
    }
}

/// The fields of a request for a lease, as they were written: nothing has been checked.
#[derive(Debug, Clone, Default)]
pub struct LeaseFields {
    /// The survey's name.
    pub survey: String,
    /// Seconds in plain digits.
    pub lifetime: Option<String>,
    /// `ec2`, `sts-lite`, `assume-role` or `gateway`.
    pub method: Option<String>,
    /// `read` or `write`; `read` if left out.
    pub access: Option<String>,
    /// `backend` or `own`; `backend` if left out.
    pub key: Option<String>,
}

/// The fields of `AssumeRoleWithWebIdentity`.
#[derive(Debug, Clone, Default)]
pub struct RoleFields<'a> {
    /// The ARN of the role, which says which survey and how far.
    pub role: &'a str,
    /// `DurationSeconds`.
    pub lifetime: Option<&'a str>,
    /// The rights of the session policy.
    pub within: Option<Rights>,
}

impl LeaseFields {
    fn parse(&self, surveys: &Surveys) -> Result<LeaseRequest, Denied> {
        let survey = surveys
            .named(&self.survey)
            .ok_or_else(|| Denied::NoSuchSurvey(shortened(&self.survey, MAX_SURVEY_CHARS)))?;
        Ok(LeaseRequest {
            survey: survey.name.clone(),
            access: parse_access(self.access.as_deref())?,
            method: self.method.as_deref().map(str::parse).transpose()?,
            key_owner: parse_key_owner(self.key.as_deref())?,
            lifetime: parse_lifetime(self.lifetime.as_deref())?,
            within: None,
        })
    }
}

impl Broker {
    /// Parses a request of the portal or its API.
    pub async fn parse_request(
        &self,
        caller: &Caller,
        fields: &LeaseFields,
        request_id: &RequestId,
    ) -> Result<LeaseRequest, Denied> {
        match fields.parse(&self.surveys) {
            Ok(request) => Ok(request),
            Err(denied) => {
                let method = fields.method.as_deref();
                self.refuse_issue(caller, &fields.survey, method, denied, request_id)
                    .await
            }
        }
    }

    /// Parses a request for a lease by the ARN of a survey's role. The method is one that gives
    /// session tokens: `gateway` if the survey offers it, since it needs no other system. Without a
    /// lifetime it is AWS's 3,600 s, within the survey's limits.
    pub async fn parse_role_request(
        &self,
        caller: &Caller,
        fields: &RoleFields<'_>,
        request_id: &RequestId,
    ) -> Result<LeaseRequest, Denied> {
        let Some((survey, access)) = self.surveys.of_role(fields.role) else {
            let denied = Denied::NoSuchRole(shortened(fields.role, MAX_ROLE_CHARS));
            return self
                .refuse_issue(caller, "", None, denied, request_id)
                .await;
        };
        let method = role_method(survey, fields.within.is_some());
        match parse_lifetime(fields.lifetime) {
            Ok(lifetime) => Ok(LeaseRequest {
                lifetime: Some(lifetime.unwrap_or_else(|| default_role_lifetime(survey))),
                method: Some(method),
                access,
                within: fields.within.clone(),
                ..LeaseRequest::new(survey.name.clone())
            }),
            Err(error) => {
                let (survey, method) = (survey.name.as_str(), Some(method.as_str()));
                self.refuse_issue(caller, survey, method, error.into(), request_id)
                    .await
            }
        }
    }
}

/// Returns the first `max` characters of what somebody wrote, for the audit and for messages.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// Returns a survey's name as the audit has it.
pub(crate) fn survey_in_audit(survey: &str) -> Option<String> {
    (!survey.is_empty()).then(|| shortened(survey, MAX_SURVEY_CHARS))
}

/// Returns a method as the audit has it.
pub(crate) fn method_in_audit(method: &str) -> String {
    shortened(method, MAX_WORD_CHARS)
}

/// Parses a lifetime; whether it is within the limits is not checked.
pub(crate) fn parse_lifetime(text: Option<&str>) -> Result<Option<Lifetime>, LifetimeError> {
    text.map(str::parse).transpose()
}

fn parse_key_owner(text: Option<&str>) -> Result<KeyOwner, Denied> {
    match text {
        None | Some("backend") => Ok(KeyOwner::Backend),
        Some("own") => Ok(KeyOwner::Person),
        Some(other) => Err(Denied::NotAKey(shortened(other, MAX_WORD_CHARS))),
    }
}

fn parse_access(text: Option<&str>) -> Result<Access, Denied> {
    match text {
        None | Some("read") => Ok(Access::Read),
        Some("write") => Ok(Access::Write),
        Some(other) => Err(Denied::NotAnAccess(shortened(other, MAX_WORD_CHARS))),
    }
}

fn default_role_lifetime(survey: &Survey) -> Lifetime {
    let Limits { min, max } = survey.lifetime;
    Lifetime::seconds(Limits::STS_DEFAULT.as_seconds().max(min).min(max))
}

/// Returns the method for a lease by the survey's role. If the survey offers none that fits, it is
/// `gateway`: then the refusal names the methods that it does offer.
fn role_method(survey: &Survey, narrowed: bool) -> Method {
    let by_preference = [Method::Gateway, Method::AssumeRole, Method::StsLite];
    by_preference
        .into_iter()
        .filter(|method| !narrowed || method.narrows())
        .find(|method| survey.methods.contains(method))
        .unwrap_or(Method::Gateway)
}
