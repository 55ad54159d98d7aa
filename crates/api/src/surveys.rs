//! The surveys, and what a removal from a group does to their leases.

use std::collections::BTreeMap;

use skykey_types::{Access, Limits};

use crate::described::api_types;

api_types! {
    /// The surveys of the site.
    pub struct SurveyList {
        /// The surveys.
        pub surveys: Vec<Survey>,
    }

    /// A survey, as the caller sees it.
    pub struct Survey {
        /// Its name.
        pub name: String,
        /// Its name for people.
        pub title: String,
        /// The caller's access; null if they have none.
        pub access: Option<Access>,
        /// How its credentials can be made; the first is the default.
        pub methods: Vec<String>,
        /// How long a lease may last, in seconds.
        pub lifetime: Limits,
        /// Where its objects are: `bucket/` or `bucket/prefix`.
        pub prefixes: Vec<String>,
        /// The groups whose members may read.
        pub readers: Vec<String>,
        /// The ARNs of its roles in the object store, by access (`read`, `write`).
        #[serde(default)]
        pub roles: BTreeMap<String, String>,
        /// The S3 endpoint.
        #[serde(default)]
        pub s3: String,
        /// The region of the S3 endpoint.
        #[serde(default)]
        pub region: String,
        /// What credentials can still do after their owner left the group, by method.
        #[serde(default)]
        pub after_removal: BTreeMap<String, AfterRemoval>,
    }

    /// What live credentials can still do once their owner has left the group.
    #[derive(Default, PartialEq, Eq)]
    pub struct AfterRemoval {
        /// `refused-at-once`, `works-for-seconds`, `works-until-expiry` or `works-until-deleted`.
        #[serde(default)]
        pub code: String,
        /// For how many seconds they work, counted from when the removal is seen; missing where no
        /// number is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seconds: Option<i64>,
        /// For how many seconds session tokens may work, likewise, that the owner made at the object
        /// store's own STS from an EC2 credential of their own; missing where there are none, or no
        /// number is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub own_tokens_seconds: Option<i64>,
        /// How long the portal takes to see a removal at most, in seconds.
        pub seen_within: i64,
        /// The same in words, for people.
        pub words: String,
    }
}
