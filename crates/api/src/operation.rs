//! The operations of the API: one row says how each is called, by whom, and what it returns.

use serde_json::Value;

use crate::{
    ContainerCredentials, Described, IssuedLease, LeaseList, LeaseRequest, Me, Objects, Site,
    SurveyList,
};

/// An operation of the API. The portal's router is made of [`Operation::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `GET /api/v1/site`
    ShowSite,
    /// `GET /api/v1/me`
    ShowMe,
    /// `GET /api/v1/surveys`
    ListSurveys,
    /// `GET /api/v1/leases`
    ListLeases,
    /// `POST /api/v1/leases`
    IssueLease,
    /// `DELETE /api/v1/leases/{id}`
    ReturnLease,
    /// `GET /jupyter/credentials`
    JupyterCredentials,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Everybody, without a token.
    Everybody,
    /// A person with an access token of the IAM.
    Person,
    /// A person, or a machine with a Keystone token of an application credential.
    PersonOrMachine,
    /// A notebook server with its own token of its JupyterHub.
    NotebookServer,
}

/// A parameter in the path, the query or the response's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// `path` or `query`.
    pub place: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
}

/// A type as a value.
#[derive(Clone, Copy)]
pub(crate) struct Type {
    pub(crate) schema: fn() -> Value,
    pub(crate) words: fn() -> String,
    pub(crate) collect: fn(&mut Objects),
}

impl Type {
    pub(crate) fn of<T: Described>() -> Self {
        Self {
            schema: T::schema,
            words: T::words,
            collect: T::collect,
        }
    }
}

impl Operation {
    /// All operations, as the reference lists them.
    pub const ALL: [Self; 7] = [
        Self::ShowSite,
        Self::ShowMe,
        Self::ListSurveys,
        Self::ListLeases,
        Self::IssueLease,
        Self::ReturnLease,
        Self::JupyterCredentials,
    ];

    /// Returns its name in OpenAPI and of its recorded example.
    pub fn id(self) -> &'static str {
        match self {
            Self::ShowSite => "show_site",
            Self::ShowMe => "show_me",
            Self::ListSurveys => "list_surveys",
            Self::ListLeases => "list_leases",
            Self::IssueLease => "issue_lease",
            Self::ReturnLease => "return_lease",
            Self::JupyterCredentials => "jupyter_credentials",
        }
    }

    /// Returns the HTTP method.
    pub fn method(self) -> &'static str {
        match self {
            Self::IssueLease => "POST",
            Self::ReturnLease => "DELETE",
            Self::ShowSite
            | Self::ShowMe
            | Self::ListSurveys
            | Self::ListLeases
            | Self::JupyterCredentials => "GET",
        }
    }

    /// Returns the path, with parameters in braces.
    pub fn path(self) -> &'static str {
        match self {
            Self::ShowSite => "/api/v1/site",
            Self::ShowMe => "/api/v1/me",
            Self::ListSurveys => "/api/v1/surveys",
            Self::ListLeases | Self::IssueLease => "/api/v1/leases",
            Self::ReturnLease => "/api/v1/leases/{id}",
            Self::JupyterCredentials => "/jupyter/credentials",
        }
    }

    /// Returns who may call it.
    pub fn caller(self) -> Caller {
        match self {
            Self::ShowSite => Caller::Everybody,
            Self::ReturnLease => Caller::Person,
            Self::ShowMe | Self::ListSurveys | Self::ListLeases | Self::IssueLease => {
                Caller::PersonOrMachine
            }
            Self::JupyterCredentials => Caller::NotebookServer,
        }
    }

    /// Says what it does, in Markdown.
    pub fn doc(self) -> &'static str {
        match self {
            Self::ShowSite => "Returns what a client must know before it can log in.",
            Self::ShowMe => {
                "Returns who the caller is to the IAM now, and what they may do with each survey. Call it to check \
                 a token."
            }
            Self::ListSurveys => {
                "Returns the surveys of the site, with the caller's access to each."
            }
            Self::ListLeases => "Returns the caller's leases, without their credentials.",
            Self::IssueLease => {
                "Issues a lease: credentials for one survey, for a limited time. They are in this response and \
                 nowhere else. A machine gets credentials to read only."
            }
            Self::ReturnLease => {
                "Gives a lease back: its credentials end. A machine cannot give its owner's leases back."
            }
            Self::JupyterCredentials => {
                "Returns credentials to a notebook server, in the container credentials protocol of the AWS SDKs \
                 (`AWS_CONTAINER_CREDENTIALS_FULL_URI`). The same credentials come again until 20 to 25 minutes are \
                 left of them, or half of a shorter lease. The header `Skykey-Survey` names the survey, and \
                 `Skykey-Places` where its objects are: `bucket/prefix`, percent-encoded, separated by blanks. An \
                 error is one line of JSON with a sentence in it."
            }
        }
    }

    /// Returns the parameters in path and query.
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::ReturnLease => &[Parameter {
                place: "path",
                name: "id",
                doc: "The lease's name.",
            }],
            Self::JupyterCredentials => &[Parameter {
                place: "query",
                name: "survey",
                doc: "Which survey; if missing, the one that the site configured, or the only one that the person may \
                      read.",
            }],
            Self::ShowSite
            | Self::ShowMe
            | Self::ListSurveys
            | Self::ListLeases
            | Self::IssueLease => &[],
        }
    }

    /// Returns the status of a success.
    pub fn status(self) -> u16 {
        match self {
            Self::IssueLease => 201,
            Self::ReturnLease => 204,
            Self::ShowSite
            | Self::ShowMe
            | Self::ListSurveys
            | Self::ListLeases
            | Self::JupyterCredentials => 200,
        }
    }

    /// Returns the codes of its own errors. Every operation may also return those of
    /// [`Operation::common_errors`].
    pub fn errors(self) -> &'static [&'static str] {
        match self {
            Self::ShowSite | Self::ListLeases => &[],
            Self::ShowMe | Self::ListSurveys => &["account_inactive", "needs_login"],
            Self::IssueLease => &[
                "no_such_survey",
                "bad_method",
                "bad_access",
                "bad_key",
                "bad_lifetime",
                "account_inactive",
                "needs_login",
                "not_a_member",
                "needs_ec2",
                "machines_read",
                "not_read_only",
                "not_readable",
                "upstream_refused",
            ],
            Self::ReturnLease => &["no_such_lease"],
            Self::JupyterCredentials => &[
                "no_hub",
                "not_a_server",
                "no_such_survey",
                "account_inactive",
                "needs_login",
                "not_a_member",
                "not_read_only",
                "not_readable",
                "upstream_refused",
            ],
        }
    }

    /// Returns the codes of the errors that every operation with such a caller may return.
    pub fn common_errors(self) -> &'static [&'static str] {
        const EVERYBODY: &[&str] = &["bad_request", "too_large", "internal"];
        const TOKEN: &[&str] = &[
            "bad_request",
            "unauthorized",
            "too_large",
            "internal",
            "upstream_away",
        ];
        const KEYSTONE: &[&str] = &[
            "bad_request",
            "unauthorized",
            "bad_keystone_token",
            "too_large",
            "too_many",
            "internal",
            "upstream_away",
        ];
        const HUB: &[&str] = &[
            "bad_request",
            "unauthorized",
            "too_large",
            "too_many",
            "internal",
            "upstream_away",
        ];
        match self.caller() {
            Caller::Everybody => EVERYBODY,
            Caller::Person => TOKEN,
            Caller::PersonOrMachine => KEYSTONE,
            Caller::NotebookServer => HUB,
        }
    }

    pub(crate) fn request(self) -> Option<Type> {
        (self == Self::IssueLease).then(Type::of::<LeaseRequest>)
    }

    pub(crate) fn response(self) -> Option<Type> {
        Some(match self {
            Self::ShowSite => Type::of::<Site>(),
            Self::ShowMe => Type::of::<Me>(),
            Self::ListSurveys => Type::of::<SurveyList>(),
            Self::ListLeases => Type::of::<LeaseList>(),
            Self::IssueLease => Type::of::<IssuedLease>(),
            Self::ReturnLease => return None,
            Self::JupyterCredentials => Type::of::<ContainerCredentials>(),
        })
    }
}
