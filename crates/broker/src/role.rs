//! `AssumeRoleWithWebIdentity`: a lease for a person whose access token somebody has shown, by the ARN of
//! the survey's role.

use skykey_types::{Limits, Method, Rights, Survey};

use crate::database::Audit;
use crate::{Broker, Caller, Denied, Issued, Wish};

/// What is asked for, as it was written: nothing has been checked.
#[derive(Debug, Clone, Default)]
pub struct RoleWish<'a> {
    /// The ARN of the role, which says which survey and how far.
    pub role: &'a str,
    /// `DurationSeconds`.
    pub lifetime: Option<&'a str>,
    /// The rights of the session policy.
    pub within: Option<Rights>,
}

impl Broker {
    /// Issues a lease by the survey's role, by the same rules as [`Broker::issue`]. The method is the
    /// survey's of those that give session tokens: `gateway` if it offers that, since it needs nobody
    /// else. Without a lifetime it lasts AWS's 3,600 s, or what the survey's limits make of that.
    pub async fn issue_role(&self, caller: &Caller, wish: &RoleWish<'_>) -> Result<Issued, Denied> {
        let Some((survey, access)) = self.surveys.of_role(wish.role) else {
            let denied = Denied::NoSuchRole(wish.role.chars().take(120).collect());
            tracing::info!(subject = %caller.id, %denied, "lease refused");
            self.metrics.refused(&self.surveys, "", Some(""), &denied);
            let audit = Audit::no(self.clock.now(), caller, "issue", &denied);
            self.database.audit(&audit).await?;
            return Err(denied);
        };
        let wish = Wish {
            survey: survey.name.to_string(),
            lifetime: Some(match wish.lifetime {
                Some(asked) => asked.to_owned(),
                None => usual(survey).to_string(),
            }),
            method: Some(method(survey, wish.within.is_some()).to_string()),
            access: Some(access.to_string()),
            key: None,
            within: wish.within.clone(),
        };
        self.issue(caller, &wish).await
    }
}

fn usual(survey: &Survey) -> u32 {
    let Limits { min, max } = survey.lifetime;
    Limits::STS_DEFAULT.as_seconds().max(min).min(max)
}

/// The method of the survey's that is to be asked for. One that it does not offer if there is none: then
/// the refusal says what it does.
fn method(survey: &Survey, narrowed: bool) -> Method {
    let by_preference = [Method::Gateway, Method::AssumeRole, Method::StsLite];
    by_preference
        .into_iter()
        .filter(|method| !narrowed || method.narrows())
        .find(|method| survey.methods.contains(method))
        .unwrap_or(Method::Gateway)
}
