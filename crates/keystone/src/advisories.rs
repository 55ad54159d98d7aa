//! Published faults of Keystone in the calls that skykey and Ceph's RGW depend on.

/// A published fault, with the releases that are free of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advisory {
    /// Its name.
    pub ids: &'static [&'static str],
    /// What an attacker can do with it.
    pub about: &'static str,
    /// The first release of each series without it. Later series are free of it; earlier ones are
    /// not, unless the distribution says so.
    pub fixed_in: &'static [&'static str],
    /// The harmless test of a running Keystone, if there is one.
    pub tried_by: Option<TriedBy>,
}

/// The test of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriedBy {
    /// [`crate::Keystone::unsigned_ec2_calls_refused`].
    UnsignedEc2Calls,
    /// [`crate::Keystone::delegated_tokens_refused`].
    DelegatedTokens,
}

/// The advisories that were published up to November 2026, the oldest first.
pub const ADVISORIES: &[Advisory] = &[
    Advisory {
        ids: &["OSSA-2025-002", "CVE-2025-65073"],
        about: "anybody who holds a request signed with an EC2 credential, such as a presigned URL, \
                gets a token of its owner from /v3/ec2tokens or /v3/s3tokens",
        fixed_in: &["26.0.1", "27.0.0", "28.0.0"],
        tried_by: Some(TriedBy::UnsignedEc2Calls),
    },
    Advisory {
        ids: &["CVE-2026-33551", "CVE-2026-43001"],
        about: "a token of an application credential makes EC2 credentials with all the rights of \
                its user",
        fixed_in: &["27.0.2", "28.0.2", "29.0.2"],
        tried_by: Some(TriedBy::DelegatedTokens),
    },
    Advisory {
        ids: &["CVE-2026-42998", "CVE-2026-42999"],
        about: "words in a request's body stand in for what the rules look at, so that anybody \
                reads every secret, EC2 credentials among them",
        fixed_in: &["27.0.2", "28.0.2", "29.0.2"],
        tried_by: None,
    },
    Advisory {
        ids: &["CVE-2026-43000", "CVE-2026-44394"],
        about: "further faults on the calls for EC2 and application credentials",
        fixed_in: &["27.0.2", "28.0.2", "29.0.2"],
        tried_by: None,
    },
];
