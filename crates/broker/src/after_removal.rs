//! Revocation, honestly: what live credentials can still do after their owner left the group.

use skykey_types::{Method, SignedDuration};

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

/// What live credentials can still do once the membership watch has seen that their owner left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRemoval {
    /// Nothing: refused at the next request.
    Nothing,
    /// Everything, for at most so long.
    For(SignedDuration),
    /// Everything, until they expire.
    UntilTheyExpire,
    /// Everything, until somebody deletes the EC2 credential in OpenStack.
    UntilDeleted,
}

impl AfterRemoval {
    /// The word for programs; stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::Nothing => "refused-at-once",
            Self::For(_) => "works-for-seconds",
            Self::UntilTheyExpire => "works-until-expiry",
            Self::UntilDeleted => "works-until-deleted",
        }
    }

    /// The number of seconds, where there is one.
    pub fn seconds(self) -> Option<i64> {
        match self {
            Self::Nothing => Some(0),
            Self::For(time) => Some(time.as_secs()),
            Self::UntilTheyExpire | Self::UntilDeleted => None,
        }
    }

    /// A sentence for people, to go after "After you leave the group".
    pub fn words(self) -> String {
        match self {
            Self::Nothing => "they are refused at the next request".to_owned(),
            Self::For(time) => format!(
                "they may work for up to {} s more, because the object store remembers them for so long",
                time.as_secs()
            ),
            Self::UntilTheyExpire => {
                "they work until they expire, because the object store cannot take a session token back"
                    .to_owned()
            }
            Self::UntilDeleted => {
                "they work until you or an operator deletes the EC2 credential in OpenStack".to_owned()
            }
        }
    }
}

impl Broker {
    /// What live credentials of `method` can still do after a removal, from when the watch sees it.
    pub fn after_removal(&self, method: Method) -> AfterRemoval {
        match (self.settings.store, method) {
            (Store::Ours, _) | (Store::Ceph { .. }, Method::Gateway) => AfterRemoval::Nothing,
            (Store::Ceph { .. }, Method::StsLite | Method::AssumeRole) => {
                AfterRemoval::UntilTheyExpire
            }
            (Store::Ceph { deletes_ec2: true }, Method::Ec2) => AfterRemoval::For(RGW_REMEMBERS),
            (Store::Ceph { deletes_ec2: false }, Method::Ec2) => AfterRemoval::UntilDeleted,
        }
    }

    /// How long the watch takes to see a removal, at most.
    pub fn watch_every(&self) -> SignedDuration {
        self.settings.watch_every
    }
}
