//! No, and why: every reason that the broker has, in words for people.

use skykey_sts::TokenError;
use skykey_types::{
    Access, GroupPath, LeaseEnd, LifetimeError, Method, ParseMethodError, SurveyName, Timestamp,
};

use crate::{DatabaseError, NotAMachine, PortError};

/// Why somebody does not get what they asked for. [`Denied::code`] is for programs,
/// the message for people, [`Denied::hint`] says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// There is no such survey.
    #[error("there is no survey called '{0}'")]
    NoSuchSurvey(String),
    /// The survey does not offer the method.
    #[error("the survey {survey} does not offer the method {method}")]
    NoSuchMethod {
        /// Which survey.
        survey: SurveyName,
        /// Which method.
        method: Method,
        /// What it does offer.
        offered: Vec<Method>,
    },
    /// The survey has no role in the object store for that access.
    #[error("the survey {survey} has no role that may {access}")]
    NoRole {
        /// Which survey.
        survey: SurveyName,
        /// What was wanted.
        access: Access,
    },
    /// The role is no survey's.
    #[error("no survey has the role '{0}'")]
    NoSuchRole(String),
    /// The method gives all of the survey or nothing.
    #[error("credentials of the method {0} cannot be narrowed by a session policy")]
    NotNarrowed(Method),
    /// The EC2 credential may not assume that role.
    #[error("the EC2 credential is for {access} access to {survey}, and that is not its role")]
    NotTheRole {
        /// Whose survey the credential is.
        survey: SurveyName,
        /// How far the credential goes.
        access: Access,
    },
    /// Credentials that should read were found to write.
    #[error("no leases of {survey} are issued: credentials that should only read were seen to write ({})", .operations.join(", "))]
    NotReadOnly {
        /// Which survey.
        survey: SurveyName,
        /// What succeeded.
        operations: Vec<String>,
    },
    /// Credentials that should read were found not to.
    #[error("no leases of {survey} are issued: its credentials cannot read it ({why})")]
    NotReadable {
        /// Which survey.
        survey: SurveyName,
        /// What was seen.
        why: String,
    },
    /// Not a method at all.
    #[error(transparent)]
    NotAMethod(#[from] ParseMethodError),
    /// Neither `read` nor `write`.
    #[error("'{0}' is not an access: choose read or write")]
    NotAnAccess(String),
    /// Neither `backend` nor `own`.
    #[error("'{0}' is not a key: choose backend or own")]
    NotAKey(String),
    /// The lifetime cannot be had.
    #[error(transparent)]
    Lifetime(#[from] LifetimeError),
    /// Not in the group.
    #[error("{username} may not {access} the survey {survey}: not a member of {}", any_of(.groups))]
    NotAMember {
        /// Who.
        username: String,
        /// Which survey.
        survey: SurveyName,
        /// What was wanted.
        access: Access,
        /// The groups whose members may.
        groups: Vec<GroupPath>,
        /// Where to ask.
        join_at: String,
    },
    /// The account has ended or was disabled, or the IAM knows no such account.
    #[error("the account {0} is not active in the IAM")]
    NoAccount(String),
    /// The access key id is not known, or its EC2 credential may not act.
    #[error("the access key id is not known here")]
    NoSuchKey,
    /// The EC2 credential belongs to a project that is no survey's.
    #[error("the EC2 credential belongs to the project '{0}', which is no survey's")]
    NoSurveyOfProject(String),
    /// The session token is no good.
    #[error(transparent)]
    BadToken(#[from] TokenError),
    /// The credentials have ended by themselves.
    #[error("these credentials ended at {0}")]
    Expired(Timestamp),
    /// The credentials were ended.
    #[error("{}", revoked_words(*.at, *.why))]
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        why: LeaseEnd,
        /// Where to ask.
        join_at: String,
    },
    /// Session tokens cannot renew themselves.
    #[error(
        "temporary credentials cannot get themselves renewed: GetSessionToken wants the EC2 credential"
    )]
    NeedsEc2,
    /// The method acts in the person's name, and there is no IAM access token to act with.
    #[error("the method ec2 makes a credential in your name, and your login at the IAM has ended")]
    NeedsLogin,
    /// The IAM has to be asked with the person's own login, and that has ended.
    #[error("your login at the IAM has ended, and without it nobody can say whether you may")]
    LoginEnded,
    /// The token of Keystone does not count.
    #[error(transparent)]
    NotAMachine(#[from] NotAMachine),
    /// A machine wants to write.
    #[error("a lease that writes is not given to an application credential")]
    MachinesRead,
    /// No such lease, or somebody else's.
    #[error("you have no lease called '{0}'")]
    NoSuchLease(String),
    /// A system that must answer does not.
    #[error("{system} does not answer, so nothing new is issued: {why}")]
    Away {
        /// Which system.
        system: &'static str,
        /// What was seen.
        why: String,
    },
    /// A system said no.
    #[error("{system} refused: {why}")]
    Upstream {
        /// Which system.
        system: &'static str,
        /// What it said.
        why: String,
    },
    /// Our own database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Denied {
    /// A system's failure, by its name.
    pub(crate) fn port(system: &'static str, error: PortError) -> Self {
        match error {
            PortError::Away(why) => Self::Away { system, why },
            PortError::Refused(why) | PortError::BadKey(why) => Self::Upstream { system, why },
        }
    }

    /// The word for programs; stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchSurvey(_) => "no_such_survey",
            Self::NoSuchMethod { .. } | Self::NotAMethod(_) | Self::NoRole { .. } => "bad_method",
            Self::NotTheRole { .. } | Self::NoSuchRole(_) => "bad_role",
            Self::NotNarrowed(_) => "bad_policy",
            Self::NotReadOnly { .. } => "not_read_only",
            Self::NotReadable { .. } => "not_readable",
            Self::NotAnAccess(_) => "bad_access",
            Self::NotAKey(_) => "bad_key",
            Self::Lifetime(_) => "bad_lifetime",
            Self::NotAMember { .. } => "not_a_member",
            Self::NoAccount(_) => "account_inactive",
            Self::NoSuchKey | Self::NoSurveyOfProject(_) => "unknown_key",
            Self::BadToken(_) => "bad_token",
            Self::Expired(_) => "expired",
            Self::Revoked { .. } => "revoked",
            Self::NeedsEc2 => "needs_ec2",
            Self::NeedsLogin | Self::LoginEnded => "needs_login",
            Self::NotAMachine(_) => "bad_keystone_token",
            Self::MachinesRead => "machines_read",
            Self::NoSuchLease(_) => "no_such_lease",
            Self::Away { .. } => "upstream_away",
            Self::Upstream { .. } => "upstream_refused",
            Self::Database(_) => "internal",
        }
    }

    /// What the person can do now.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchSurvey(_) => "GET /api/v1/surveys lists the surveys there are".to_owned(),
            Self::NoSuchMethod { offered, .. } => {
                format!(
                    "choose one of: {}",
                    offered
                        .iter()
                        .map(|m| m.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
            Self::NotAMethod(_) => "leave it out to get the survey's first method".to_owned(),
            Self::NoRole { .. } => "choose another method".to_owned(),
            Self::NoSuchRole(_) => {
                "GET /api/v1/surveys names each survey's roles".to_owned()
            }
            Self::NotNarrowed(_) => "leave the policy out, or choose another method".to_owned(),
            Self::NotTheRole { .. } => {
                "assume the role that the survey's page names, or use GetSessionToken".to_owned()
            }
            Self::NotReadOnly { .. } | Self::NotReadable { .. } => {
                "tell the people who run this portal; 'skykey doctor' and 'skykey survey apply' show them what to mend, and it goes on by itself then".to_owned()
            }
            Self::NotAnAccess(_) => "leave it out to read".to_owned(),
            Self::NotAKey(_) => "leave it out to use the backend user's".to_owned(),
            Self::Lifetime(LifetimeError::NotDigits(_)) => {
                "write how many seconds, such as 3600".to_owned()
            }
            Self::Lifetime(LifetimeError::OutOfRange { limits, .. }) => {
                format!("ask for {} to {} seconds", limits.min, limits.max)
            }
            Self::Lifetime(LifetimeError::AccountEnds { .. }) => {
                "ask for your account to be extended".to_owned()
            }
            Self::Lifetime(LifetimeError::LeaseEnds { .. }) => {
                "lease a new EC2 credential, and exchange that one".to_owned()
            }
            Self::NotAMember {
                groups, join_at, ..
            } => match groups.first() {
                Some(group) => format!("ask to join {group} at {join_at}"),
                None => "nobody may do this on this survey".to_owned(),
            },
            Self::NoAccount(_) => "ask the IAM's managers about your account".to_owned(),
            Self::NoSuchKey | Self::NoSurveyOfProject(_) | Self::BadToken(_) | Self::Expired(_) => {
                "lease new credentials".to_owned()
            }
            Self::Revoked {
                why: LeaseEnd::Removed,
                join_at,
                ..
            } => {
                format!("ask to join the group again at {join_at}: back in it, session tokens go on to their end, and for an EC2 credential lease a new one")
            }
            Self::Revoked {
                why: LeaseEnd::Returned,
                ..
            } => "lease new credentials".to_owned(),
            Self::NeedsEc2 => {
                "sign the request with the EC2 credential, or lease again at the portal".to_owned()
            }
            Self::NeedsLogin => "log in again, or choose another method".to_owned(),
            Self::LoginEnded => "log in again at the portal".to_owned(),
            Self::NotAMachine(why) => why.hint().to_owned(),
            Self::MachinesRead => {
                "leave access out to read; to write, bring an access token of the IAM".to_owned()
            }
            Self::NoSuchLease(_) => "GET /api/v1/leases lists your leases".to_owned(),
            Self::Away { .. } => {
                "live credentials go on working; try again in a few minutes".to_owned()
            }
            Self::Upstream { .. } | Self::Database(_) => {
                "tell the people who run this portal".to_owned()
            }
        }
    }
}

fn any_of(groups: &[GroupPath]) -> String {
    match groups {
        [] => "any group that may".to_owned(),
        groups => groups
            .iter()
            .map(GroupPath::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

fn revoked_words(at: Timestamp, why: LeaseEnd) -> String {
    let at = at.strftime("%H:%M UTC on %-d %B %Y");
    match why {
        LeaseEnd::Removed => {
            format!("these credentials ended at {at}, because their owner left the survey's group")
        }
        LeaseEnd::Returned => format!("these credentials were given back at {at}"),
    }
}
