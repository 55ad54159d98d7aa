//! The actions of STS: one table. What is not in it is not served.

/// An action of [STS](https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the API reference")]
pub enum Action {
    GetSessionToken,
    AssumeRole,
    AssumeRoleWithWebIdentity,
    GetCallerIdentity,
}

/// What a request for an action has to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionNeed {
    /// A signature by any live credentials.
    Signature,
    /// A signature by an EC2 credential: temporary credentials cannot prolong themselves.
    Ec2Signature,
    /// An access token of the IAM, in the form.
    WebIdentity,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [
        Self::GetSessionToken,
        Self::AssumeRole,
        Self::AssumeRoleWithWebIdentity,
        Self::GetCallerIdentity,
    ];

    /// Returns its name, the form's `Action`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetSessionToken => "GetSessionToken",
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            Self::GetCallerIdentity => "GetCallerIdentity",
        }
    }

    /// Returns what a request for it has to carry.
    pub const fn need(self) -> ActionNeed {
        match self {
            Self::GetSessionToken | Self::AssumeRole => ActionNeed::Ec2Signature,
            Self::AssumeRoleWithWebIdentity => ActionNeed::WebIdentity,
            Self::GetCallerIdentity => ActionNeed::Signature,
        }
    }

    /// Returns the action of that name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}
