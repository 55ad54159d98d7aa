//! Revocation, honestly: what live credentials, and what was made from them, can still do after their owner left
//! the group.

use skykey_types::{Limits, Method, SignedDuration, SurveyName};

use crate::Broker;

/// Who serves the objects, which decides what revocation can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Our own endpoint, which looks at the revoked leases at each request.
    Ours,
    /// A Ceph RGW: a session token that it issued cannot be taken back, and it remembers EC2
    /// credentials for 300 s.
    Ceph {
        /// Whether we may delete people's EC2 credentials in Keystone.
        deletes_ec2: bool,
    },
}

/// For how long RGW works with an EC2 credential that Keystone no longer has: a constant of its code.
pub const RGW_REMEMBERS: SignedDuration = SignedDuration::from_secs(300);

/// The longest session token that RGW's `GetSessionToken` makes, unless its operator raised
/// `rgw_sts_max_session_duration` (<https://docs.ceph.com/en/latest/radosgw/STSLite/>).
pub const MAX_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_secs(Limits::STS.max as i64);

/// For how long after an EC2 credential was deleted a session token may work that its owner had RGW make
/// from it in the last moment.
pub const OWN_TOKENS_LAST: SignedDuration =
    SignedDuration::from_secs(RGW_REMEMBERS.as_secs() + MAX_TOKEN_LIFETIME.as_secs());

/// What people can still do once the membership watch has seen that they left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterRemoval {
    /// With the live credentials of a lease.
    pub credentials: StillWork,
    /// With session tokens that they made at the object store's own STS, of which nobody knows, from an
    /// EC2 credential of their own for the survey's project.
    pub own_ec2: OwnEc2,
}

/// What live credentials can still do once the membership watch has seen that their owner left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillWork {
    /// Nothing: refused at the next request.
    Nothing,
    /// Everything, for at most so long.
    For(SignedDuration),
    /// Everything, until they expire.
    UntilTheyExpire,
    /// Everything, until somebody deletes the EC2 credential in OpenStack.
    UntilDeleted,
}

/// Whether people can have made session tokens without skykey, and how long those outlive a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnEc2 {
    /// The survey gives its people no EC2 credential, or such tokens are refused with it.
    Nothing,
    /// They work for at most so long.
    For(SignedDuration),
    /// They work for [`OWN_TOKENS_LAST`] after somebody deleted the EC2 credential in OpenStack.
    AfterItIsDeleted,
}

impl AfterRemoval {
    /// The word for programs about the lease's own credentials; stable.
    pub fn code(self) -> &'static str {
        match self.credentials {
            StillWork::Nothing => "refused-at-once",
            StillWork::For(_) => "works-for-seconds",
            StillWork::UntilTheyExpire => "works-until-expiry",
            StillWork::UntilDeleted => "works-until-deleted",
        }
    }

    /// For how many seconds the lease's own credentials work, where there is a number.
    pub fn seconds(self) -> Option<i64> {
        match self.credentials {
            StillWork::Nothing => Some(0),
            StillWork::For(time) => Some(time.as_secs()),
            StillWork::UntilTheyExpire | StillWork::UntilDeleted => None,
        }
    }

    /// For how many seconds session tokens may work that the owner made from an EC2 credential of their own,
    /// where there may be such and there is a number.
    pub fn own_tokens_seconds(self) -> Option<i64> {
        match self.own_ec2 {
            OwnEc2::For(time) => Some(time.as_secs()),
            OwnEc2::Nothing | OwnEc2::AfterItIsDeleted => None,
        }
    }

    /// A sentence for people, to go after "After you leave the group".
    pub fn words(self) -> String {
        let these = match self.credentials {
            StillWork::Nothing => "they are refused at the next request".to_owned(),
            StillWork::For(time) => format!(
                "they may work for up to {} s more, because the object store remembers them for so long",
                time.as_secs()
            ),
            StillWork::UntilTheyExpire => {
                "they work until they expire, because the object store cannot take a session token back"
                    .to_owned()
            }
            StillWork::UntilDeleted => {
                "they work until you or an operator deletes the EC2 credential in OpenStack".to_owned()
            }
        };
        let of = match self.credentials {
            StillWork::For(_) | StillWork::UntilDeleted => "from them",
            StillWork::Nothing | StillWork::UntilTheyExpire => {
                "from an EC2 credential of your own for the survey"
            }
        };
        match self.own_ec2 {
            OwnEc2::Nothing => these,
            OwnEc2::For(time) => format!(
                "{these}; a session token that you made {of} at the object store's own STS works until it ends, up to {} s more",
                time.as_secs()
            ),
            OwnEc2::AfterItIsDeleted => format!(
                "{these}; a session token that you made {of} at the object store's own STS works until it ends, up to {} s after the EC2 credential was deleted",
                OWN_TOKENS_LAST.as_secs()
            ),
        }
    }
}

impl Broker {
    /// What the owner of a lease of the survey by `method` can still do after a removal, from when the watch
    /// sees it.
    pub fn after_removal(&self, survey: &SurveyName, method: Method) -> AfterRemoval {
        let offers_ec2 = self
            .surveys
            .named(survey.as_str())
            .is_some_and(|survey| survey.methods.contains(&Method::Ec2));
        let own_ec2 = match self.settings.store {
            Store::Ceph { deletes_ec2 } if offers_ec2 || method == Method::Ec2 => {
                if deletes_ec2 {
                    OwnEc2::For(OWN_TOKENS_LAST)
                } else {
                    OwnEc2::AfterItIsDeleted
                }
            }
            Store::Ours | Store::Ceph { .. } => OwnEc2::Nothing,
        };
        let credentials = match (self.settings.store, method) {
            (Store::Ours, _) | (Store::Ceph { .. }, Method::Gateway) => StillWork::Nothing,
            (Store::Ceph { .. }, Method::StsLite | Method::AssumeRole) => {
                StillWork::UntilTheyExpire
            }
            (Store::Ceph { deletes_ec2: true }, Method::Ec2) => StillWork::For(RGW_REMEMBERS),
            (Store::Ceph { deletes_ec2: false }, Method::Ec2) => StillWork::UntilDeleted,
        };
        AfterRemoval {
            credentials,
            own_ec2,
        }
    }

    /// How long the watch takes to see a removal, at most.
    pub fn watch_every(&self) -> SignedDuration {
        self.settings.watch_every
    }
}
