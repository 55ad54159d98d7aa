//! Who the caller is, and what they may do with each survey.

use skykey_types::{Access, Timestamp};

use crate::Survey;
use crate::described::api_types;

api_types! {
    /// Who the caller is to the IAM now, and what they may do with each survey.
    pub struct Me {
        /// The login name at the IAM.
        pub username: String,
        /// The IAM's issuer.
        #[serde(default)]
        pub issuer: String,
        /// The person's identifier at the IAM.
        #[serde(default)]
        pub sub: String,
        /// All groups of the person at the IAM.
        pub groups: Vec<String>,
        /// When the account at the IAM ends, if it does; no lease outlives it.
        pub account_end: Option<Timestamp>,
        /// Every survey, and the person's access to it.
        pub surveys: Vec<SurveyAccess>,
        /// Where to ask to join a group.
        pub join_at: String,
    }

    /// A survey, and the person's access to it.
    pub struct SurveyAccess {
        /// The survey's name.
        pub name: String,
        /// The survey's name for people.
        pub title: String,
        /// The person's access; null if they have none.
        pub access: Option<Access>,
        /// The groups whose members may read.
        pub readers: Vec<String>,
    }
}

impl From<&Survey> for SurveyAccess {
    fn from(survey: &Survey) -> Self {
        Self {
            name: survey.name.clone(),
            title: survey.title.clone(),
            access: survey.access,
            readers: survey.readers.clone(),
        }
    }
}
