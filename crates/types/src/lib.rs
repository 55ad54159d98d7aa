//! The words of the domain, each with one meaning: subject, group, survey, lease, lifetime,
//! rights, credentials, secrets and the clock. It holds no I/O and knows no protocol; every
//! other crate speaks in these types. What always holds: a value of one of these types has been
//! parsed, so nobody downstream checks it again, and a [`Secret`] never shows itself.

mod clock;
mod credentials;
mod error_kind;
mod lease;
mod lifetime;
mod lock;
mod login_ports;
mod names;
mod random;
mod request_id;
mod rights;
mod secret;
mod subject;
mod survey;

pub use clock::{Clock, ManualClock, SteadyClock, SystemClock};
pub use credentials::{AccessKeyId, Credentials};
pub use error_kind::ErrorKind;
pub use jiff::{SignedDuration, Timestamp};
pub use lease::{Lease, LeaseEnd, LeaseId, LeaseState, Method, ParseMethodError};
pub use lifetime::{Allowed, Lifetime, LifetimeError, Limit, Limits};
pub use lock::lock;
pub use login_ports::{LoginPorts, ParseLoginPortsError};
pub use names::{BucketName, GroupPath, NameError, ProjectName, RoleArn, SurveyName};
pub use random::{random_bytes, random_token};
pub use request_id::RequestId;
pub use rights::{Access, Grant, Prefix, Rights};
pub use secret::Secret;
pub use subject::{Person, SubjectId};
pub use survey::{Roles, Survey};
