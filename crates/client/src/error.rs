//! What can go wrong on the person's side.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use skykey_iam::IamError;
use skykey_keystone::Error as KeystoneError;
use skykey_types::ErrorKind;
use skykey_upstream::Fault;

/// Why it did not work; the message is for the person, [`ClientError::hint`] is what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is logged in at that portal.
    #[error("you are not logged in at {portal}")]
    NotLoggedIn {
        /// Which.
        portal: String,
    },
    /// The IAM, or the portal, does not take the login any more.
    #[error("your login at {portal} has ended ({why})")]
    LoginEnded {
        /// Which.
        portal: String,
        /// What was said.
        why: String,
    },
    /// The token file holds none.
    #[error("there is no access token in {path}: {why}", path = .path.display())]
    NoToken {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The portal does not take the token of the token file.
    #[error("{portal} does not take the access token in {path} ({why})", path = .path.display())]
    TokenRefused {
        /// Which portal.
        portal: String,
        /// Which file.
        path: PathBuf,
        /// What was said.
        why: String,
    },
    /// The environment holds no whole application credential of OpenStack.
    #[error("the environment holds no application credential of OpenStack: {} missing", .missing.join(", "))]
    NoApplicationCredential {
        /// The variables that are not set.
        missing: Vec<&'static str>,
    },
    /// A variable of OpenStack's that cannot be used.
    #[error("{variable} {why}")]
    OpenStackVariable {
        /// Which.
        variable: &'static str,
        /// What is wrong with it, and what would be right.
        why: &'static str,
    },
    /// The site takes no application credentials.
    #[error("{portal} does not accept application credentials of OpenStack")]
    NoMachines {
        /// Which.
        portal: String,
    },
    /// Keystone does not take the application credential. It does not say whether it was deleted, has ended, or has lost a
    /// role that it was made with.
    #[error("Keystone does not take the application credential {id} ({why})")]
    ApplicationCredentialRefused {
        /// Its public half.
        id: String,
        /// What Keystone said.
        why: String,
    },
    /// The portal does not take Keystone's token.
    #[error("{portal} does not take Keystone's token for the application credential {id} ({why})")]
    MachineRefused {
        /// Which portal.
        portal: String,
        /// The application credential's public half.
        id: String,
        /// What was said.
        why: String,
    },
    /// Keystone failed.
    #[error(transparent)]
    Keystone(#[from] KeystoneError),
    /// What only a person may ask, asked by a notebook server.
    #[error(
        "cannot {operation} by a notebook server's token, which gets credentials and nothing else"
    )]
    OnlyCredentials {
        /// What was asked.
        operation: &'static str,
    },
    /// Which survey, out of several, or out of none.
    #[error("{}", which_survey(.0))]
    WhichSurvey(Vec<String>),
    /// The site has registered no client for the command.
    #[error("{portal} offers no login by the command")]
    NoLoginOffered {
        /// Which.
        portal: String,
    },
    /// The person said no.
    #[error("the login was refused in the browser")]
    LoginRefused,
    /// Nobody answered in time.
    #[error("the code expired before it was entered")]
    CodeExpired,
    /// The IAM sent the browser back without a login.
    #[error("the IAM did not log you in ({code}{})", colon(.why))]
    LoginFailed {
        /// Its word for it (RFC 6749 §4.1.2.1).
        code: String,
        /// What it said about it, or nothing.
        why: String,
    },
    /// The IAM did not answer in time.
    #[error("the IAM did not answer within {seconds} s")]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
    /// The refresh token is in a keyring that cannot be used now.
    #[error("your login at {portal} is in the keyring, which cannot be used: {why}")]
    Keyring {
        /// Which login.
        portal: String,
        /// In what way.
        why: String,
    },
    /// The IAM knows no such group.
    #[error("there is no group called '{0}'")]
    NoSuchGroup(String),
    /// The portal says no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The word for programs.
        code: String,
        /// What it said.
        message: String,
        /// What it said would help; for people at a command line [`ClientError::hint`] has better words.
        hint: String,
        /// The group whose membership would help, if that is it.
        group: Option<String>,
    },
    /// The portal is not one, or a newer one.
    #[error("cannot {operation}: {portal} returned an unexpected response ({why})")]
    Unexpected {
        /// What was asked.
        operation: &'static str,
        /// Which.
        portal: String,
        /// In what way.
        why: String,
    },
    /// No answer.
    #[error(transparent)]
    Unreachable(#[from] Fault),
    /// The IAM failed or says no.
    #[error(transparent)]
    Iam(#[from] IamError),
    /// There is nowhere to keep anything.
    #[error("there is nowhere to keep your login: neither HOME nor XDG_STATE_HOME is set")]
    Homeless,
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {why}", path = .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        why: String,
    },
    /// A file that somebody else has written into.
    #[error("{path} is not what skykey wrote there", path = .0.display())]
    Spoilt(PathBuf),
    /// Another process holds the lock.
    #[error("another skykey has held {path} for {} s", .waited.as_secs(), path = .path.display())]
    Busy {
        /// Which lock.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// The client cannot be set up.
    #[error("{0}")]
    Setup(String),
}

impl ClientError {
    /// Returns the error code, for programs: the portal's, or one of this crate's.
    pub fn code(&self) -> &str {
        match self {
            Self::NotLoggedIn { .. } => "not_logged_in",
            Self::LoginEnded { .. } => "login_ended",
            Self::NoToken { .. } => "no_token",
            Self::TokenRefused { .. } | Self::MachineRefused { .. } => "token_refused",
            Self::NoApplicationCredential { .. } => "no_application_credential",
            Self::NoMachines { .. } => "no_machines",
            Self::ApplicationCredentialRefused { .. } => "application_credential_refused",
            Self::Keystone(_) => "keystone",
            Self::OnlyCredentials { .. } => "only_credentials",
            Self::WhichSurvey(_) => "which_survey",
            Self::NoLoginOffered { .. } => "no_login_offered",
            Self::LoginRefused => "login_refused",
            Self::CodeExpired => "code_expired",
            Self::LoginFailed { .. } => "login_failed",
            Self::Keyring { .. } => "keyring",
            Self::NoSuchGroup(_) => "no_such_group",
            Self::Refused { code, .. } => code,
            Self::Unexpected { .. } => "unexpected",
            Self::Silent { .. } | Self::Unreachable(_) => "unreachable",
            Self::Iam(_) => "iam",
            Self::Homeless
            | Self::File { .. }
            | Self::Spoilt(_)
            | Self::Busy { .. }
            | Self::OpenStackVariable { .. }
            | Self::Setup(_) => "local",
        }
    }

    /// What the person can do now; empty where the message says it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotLoggedIn { portal } | Self::LoginEnded { portal, .. } => {
                format!("run 'skykey login --portal {portal}'")
            }
            Self::NoToken { .. } | Self::TokenRefused { .. } => {
                "see that whatever renews the file is running, and gets tokens of the portal's IAM"
                    .to_owned()
            }
            Self::NoApplicationCredential { .. } => {
                "set them to what 'openstack application credential create' shows, and OS_AUTH_URL to Keystone's address"
                    .to_owned()
            }
            Self::NoMachines { .. } => {
                "log in with 'skykey login', or ask the people who run it to set accept_application_credentials"
                    .to_owned()
            }
            Self::ApplicationCredentialRefused { .. } => {
                "it may have ended or been deleted, or your roles in OpenStack have; make another with \
                 'openstack application credential create'"
                    .to_owned()
            }
            Self::MachineRefused { .. } => {
                "see that OS_AUTH_URL is the Keystone of the portal's site, and the application credential a \
                 restricted one without access rules"
                    .to_owned()
            }
            Self::Keystone(error) if error.is_outage() => {
                "check OS_AUTH_URL and the network, and try again".to_owned()
            }
            Self::Keystone(_) => "check OS_AUTH_URL".to_owned(),
            Self::OnlyCredentials { .. } => "log in with 'skykey login'".to_owned(),
            Self::WhichSurvey(several) if several.is_empty() => {
                "'skykey whoami' shows your rights".to_owned()
            }
            Self::WhichSurvey(_) => "say which with --survey".to_owned(),
            Self::NoLoginOffered { .. } => {
                "use the portal in a browser, or ask the people who run it to set cli_client_id"
                    .to_owned()
            }
            Self::LoginRefused | Self::CodeExpired => "run 'skykey login' again".to_owned(),
            Self::LoginFailed { .. } => {
                "run 'skykey login' again; if it fails again, try 'skykey login --device'"
                    .to_owned()
            }
            Self::Silent { .. } => "try again in a few minutes".to_owned(),
            Self::Keyring { portal, .. } => format!(
                "unlock it, or log in again with 'skykey login --keyring never --portal {portal}'"
            ),
            Self::NoSuchGroup(_) => "'skykey surveys' names those that read a survey".to_owned(),
            Self::Refused {
                code, hint, group, ..
            } => by_command(code, group.as_deref()).unwrap_or_else(|| hint.clone()),
            Self::Unexpected { .. } => {
                "check that the address is a skykey portal's, and that this program is as new as it"
                    .to_owned()
            }
            Self::Unreachable(_) => {
                "check the portal's address and the network, and try again".to_owned()
            }
            Self::Iam(error) if error.is_outage() => "try again in a few minutes".to_owned(),
            Self::Spoilt(_) => "remove it, and run 'skykey login' again".to_owned(),
            Self::Busy { .. } => "end that process, and try again".to_owned(),
            Self::Homeless => "set HOME".to_owned(),
            Self::File { what: "make", .. } => {
                "let XDG_STATE_HOME name a folder that you can write to".to_owned()
            }
            Self::OpenStackVariable { .. }
            | Self::Iam(_)
            | Self::File { .. }
            | Self::Setup(_) => String::new(),
        }
    }

    /// Whether nothing was decided: the same request may succeed later.
    pub fn is_outage(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }

    /// Whether this machine's disk is in the way.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// Whether the person may not have what they ask for, or cannot be identified: another request does
    /// not help until somebody does something.
    pub fn is_refusal(&self) -> bool {
        self.kind() == ErrorKind::Refused
    }

    /// Returns who can do something about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable(_)
            | Self::Busy { .. }
            | Self::Silent { .. }
            | Self::Keyring { .. } => ErrorKind::Unavailable,
            Self::NotLoggedIn { .. }
            | Self::LoginEnded { .. }
            | Self::NoToken { .. }
            | Self::TokenRefused { .. }
            | Self::NoApplicationCredential { .. }
            | Self::NoMachines { .. }
            | Self::ApplicationCredentialRefused { .. }
            | Self::MachineRefused { .. }
            | Self::OnlyCredentials { .. }
            | Self::WhichSurvey(_)
            | Self::NoLoginOffered { .. }
            | Self::LoginRefused
            | Self::CodeExpired
            | Self::LoginFailed { .. } => ErrorKind::Refused,
            Self::Refused { status, .. } => match status {
                401 | 403 => ErrorKind::Refused,
                429 | 500.. => ErrorKind::Unavailable,
                _ => ErrorKind::Input,
            },
            // A refusal by these is about how this program was set up there, not about the person.
            Self::Iam(error) if error.is_outage() => ErrorKind::Unavailable,
            Self::Keystone(error) if error.is_outage() => ErrorKind::Unavailable,
            Self::Iam(_)
            | Self::Keystone(_)
            | Self::Unexpected { .. }
            | Self::File { .. }
            | Self::Spoilt(_) => ErrorKind::Internal,
            Self::OpenStackVariable { .. }
            | Self::NoSuchGroup(_)
            | Self::Homeless
            | Self::Setup(_) => ErrorKind::Input,
        }
    }

    pub(crate) fn file(what: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            why: error.to_string(),
        }
    }
}

fn which_survey(several: &[String]) -> String {
    if several.is_empty() {
        "you may read no survey".to_owned()
    } else {
        format!("you may read several surveys: {}", several.join(", "))
    }
}

/// The next step as a command, for a refusal that has one: the portal's own words are for programs of its API.
fn by_command(code: &str, group: Option<&str>) -> Option<String> {
    match (code, group) {
        ("no_such_survey", _) => Some("'skykey surveys' lists those that there are".to_owned()),
        ("no_such_lease", _) => Some("'skykey leases' lists yours".to_owned()),
        ("not_a_member", Some(group)) => {
            Some(format!("to ask, run 'skykey request {group} --note \"…\"'"))
        }
        _ => None,
    }
}

fn colon(why: &str) -> String {
    if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    }
}
