//! How long a lease lasts: what was asked, what is allowed, and which limit won.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A number of whole seconds, from plain digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lifetime(u32);

impl Lifetime {
    /// `seconds`, unchecked against any limit.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    pub const fn as_seconds(self) -> u32 {
        self.0
    }

    /// As a duration.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.0))
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}

/// A lifetime that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Not a whole number of seconds.
    #[error("'{0}' is not a lifetime: give whole seconds in plain digits, such as 3600")]
    NotDigits(String),
    /// A number outside the range.
    #[error("a lifetime of {asked} s is outside the range of {} to {} s", .limits.min, .limits.max)]
    OutOfRange {
        /// What was asked, in seconds.
        asked: String,
        /// What is possible.
        limits: Limits,
    },
    /// The account ends before the shortest lease would.
    #[error("the account ends at {end}, too soon for the shortest lease of {} s", .shortest.0)]
    AccountEnds {
        /// When the account ends.
        end: Timestamp,
        /// The shortest lease there is.
        shortest: Lifetime,
    },
    /// The lease that credentials are renewed from ends before the shortest of them would.
    #[error("the lease of this EC2 credential ends at {end}, too soon for temporary credentials of {} s", .shortest.0)]
    LeaseEnds {
        /// When the lease ends.
        end: Timestamp,
        /// The shortest there are.
        shortest: Lifetime,
    },
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    /// Plain ASCII digits only: no sign, no exponent, no unit, no blank. Leading zeros are
    /// digits. What is too large for 32 bits is out of every range.
    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(LifetimeError::NotDigits(text.chars().take(40).collect()));
        }
        Ok(Self(text.parse().unwrap_or(u32::MAX)))
    }
}

/// The shortest and the longest lease that can be asked for, in seconds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The shortest.
    pub min: u32,
    /// The longest.
    pub max: u32,
}

impl Limits {
    /// What a survey allows unless its configuration says otherwise.
    pub const SURVEY: Self = Self {
        min: 3600,
        max: 43200,
    };
    /// What `GetSessionToken` takes, on Ceph's STS Lite as here.
    pub const STS: Self = Self {
        min: 900,
        max: 43200,
    };
    /// What `GetSessionToken` gives when it is asked for nothing.
    pub const STS_DEFAULT: Lifetime = Lifetime(3600);

    /// Refuses a lifetime outside the range.
    pub fn check(self, asked: Lifetime) -> Result<Lifetime, LifetimeError> {
        if (self.min..=self.max).contains(&asked.0) {
            Ok(asked)
        } else {
            let asked = if asked.0 == u32::MAX {
                "4294967295 or more".to_owned()
            } else {
                asked.0.to_string()
            };
            Err(LifetimeError::OutOfRange {
                asked,
                limits: self,
            })
        }
    }
}

/// Which limit decided how long a lease lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// None: it lasts as long as was asked.
    Asked,
    /// Nothing was asked, so the default was given.
    Default,
    /// The survey's maximum is shorter than what was asked.
    SurveyMaximum,
    /// The account ends first.
    AccountEnd,
    /// The lease that it was renewed from ends first.
    LeaseEnd,
    /// Until it is revoked: an EC2 credential that the person made in OpenStack has no end of its own.
    Revocation,
}

impl Limit {
    /// The word used in the API, the database and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Default => "default",
            Self::SurveyMaximum => "survey-maximum",
            Self::AccountEnd => "account-end",
            Self::LeaseEnd => "lease-end",
            Self::Revocation => "revocation",
        }
    }
}

/// A lifetime that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// What was asked, if anything was.
    pub asked: Option<Lifetime>,
    /// What is granted.
    pub lifetime: Lifetime,
    /// Why not longer.
    pub limit: Limit,
}

impl Allowed {
    /// Grants `asked` (or `default`), cut at `survey_max` and at the account's end. Less than
    /// `shortest` is refused, never stretched.
    pub fn decide(
        asked: Option<Lifetime>,
        default: Lifetime,
        survey_max: u32,
        shortest: u32,
        now: Timestamp,
        account_end: Option<Timestamp>,
    ) -> Result<Self, LifetimeError> {
        let mut allowed = match asked {
            Some(lifetime) => Self {
                asked,
                lifetime,
                limit: Limit::Asked,
            },
            None => Self {
                asked,
                lifetime: default,
                limit: Limit::Default,
            },
        };
        if allowed.lifetime.0 > survey_max {
            allowed.lifetime = Lifetime(survey_max);
            allowed.limit = Limit::SurveyMaximum;
        }
        if let Some(end) = account_end {
            let shortest = Lifetime(shortest);
            if allowed.cut(now, end, shortest, Limit::AccountEnd).is_none() {
                return Err(LifetimeError::AccountEnds { end, shortest });
            }
        }
        Ok(allowed)
    }

    /// The same, cut at the `end` of the lease that it is renewed from. Less than `shortest` is
    /// refused, never stretched.
    pub fn within_lease(
        mut self,
        end: Timestamp,
        shortest: u32,
        now: Timestamp,
    ) -> Result<Self, LifetimeError> {
        let shortest = Lifetime(shortest);
        match self.cut(now, end, shortest, Limit::LeaseEnd) {
            Some(()) => Ok(self),
            None => Err(LifetimeError::LeaseEnds { end, shortest }),
        }
    }

    /// Cuts it at `end`, unless less than `shortest` would be left.
    fn cut(
        &mut self,
        now: Timestamp,
        end: Timestamp,
        shortest: Lifetime,
        limit: Limit,
    ) -> Option<()> {
        let left = u32::try_from(end.duration_since(now).as_secs().max(0)).unwrap_or(u32::MAX);
        if left < self.lifetime.0 {
            if left < shortest.0 {
                return None;
            }
            self.lifetime = Lifetime(left);
            self.limit = limit;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_digits_are_a_lifetime() {
        for bad in [
            "",
            "1e9",
            "-1",
            "+3600",
            "3600abc",
            "3600.0",
            " 3600",
            "３６００",
        ] {
            let error = bad.parse::<Lifetime>().unwrap_err();
            assert!(matches!(error, LifetimeError::NotDigits(_)), "{bad:?}");
        }
        assert_eq!("3600".parse(), Ok(Lifetime(3600)));
    }

    #[test]
    fn the_edges_of_the_range_are_in_it() {
        let check = |text: &str| text.parse().and_then(|asked| Limits::SURVEY.check(asked));
        assert!(check("3600").is_ok() && check("43200").is_ok());
        for bad in ["3599", "43201", "0", "99999999999999999999"] {
            let message = check(bad).unwrap_err().to_string();
            assert!(
                message.ends_with("outside the range of 3600 to 43200 s"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_account_end_cuts_a_lease_but_not_below_the_shortest() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let end = |seconds| Some(now + SignedDuration::from_secs(seconds));
        let decide =
            |end| Allowed::decide(Some(Lifetime(7200)), Lifetime(3600), 43200, 3600, now, end);
        assert_eq!(decide(end(7200)).unwrap().limit, Limit::Asked);
        let cut = decide(end(5000)).unwrap();
        assert_eq!(
            (cut.lifetime, cut.limit),
            (Lifetime(5000), Limit::AccountEnd)
        );
        assert!(matches!(
            decide(end(3599)),
            Err(LifetimeError::AccountEnds { .. })
        ));
        assert!(matches!(
            decide(end(-5)),
            Err(LifetimeError::AccountEnds { .. })
        ));
    }

    #[test]
    fn the_end_of_the_lease_cuts_a_renewal_and_the_limit_says_so() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let within = |seconds| {
            let end = now + SignedDuration::from_secs(seconds);
            Allowed::decide(Some(Lifetime(7200)), Lifetime(3600), 43200, 900, now, None)
                .and_then(|allowed| allowed.within_lease(end, 900, now))
        };
        assert_eq!(within(7200).unwrap().limit, Limit::Asked);
        let cut = within(900).unwrap();
        assert_eq!((cut.lifetime, cut.limit), (Lifetime(900), Limit::LeaseEnd));
        for too_late in [899, 0, -5] {
            let error = within(too_late).unwrap_err();
            assert!(matches!(error, LifetimeError::LeaseEnds { .. }));
            assert!(error.to_string().contains("900 s"), "{error}");
        }
    }

    #[test]
    fn the_survey_maximum_cuts_an_sts_lifetime() {
        let now = Timestamp::UNIX_EPOCH;
        let cut =
            Allowed::decide(Some(Lifetime(43200)), Lifetime(3600), 7200, 900, now, None).unwrap();
        assert_eq!(
            (cut.lifetime, cut.limit),
            (Lifetime(7200), Limit::SurveyMaximum)
        );
    }
}
