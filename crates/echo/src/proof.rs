//! What a proof found.

use std::fmt;

/// What was tried that readers must not be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Write an object.
    PutObject,
    /// Copy an object within its place.
    CopyObject,
    /// Add to a multipart upload.
    UploadPart,
    /// Begin a multipart upload.
    CreateMultipartUpload,
    /// Delete an object.
    DeleteObject,
    /// Delete many objects in one request.
    DeleteObjects,
    /// Give rights to an object.
    PutObjectAcl,
    /// Give rights to a bucket.
    PutBucketAcl,
    /// Set who may do what in a bucket.
    PutBucketPolicy,
    /// Let objects be deleted by their age.
    PutBucketLifecycle,
    /// Own a bucket.
    CreateBucket,
    /// Renew temporary credentials with themselves, for ever.
    GetSessionToken,
}

impl Operation {
    /// The name that S3 or STS gives it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PutObject => "PutObject",
            Self::CopyObject => "CopyObject",
            Self::UploadPart => "UploadPart",
            Self::CreateMultipartUpload => "CreateMultipartUpload",
            Self::DeleteObject => "DeleteObject",
            Self::DeleteObjects => "DeleteObjects",
            Self::PutObjectAcl => "PutObjectAcl",
            Self::PutBucketAcl => "PutBucketAcl",
            Self::PutBucketPolicy => "PutBucketPolicy",
            Self::PutBucketLifecycle => "PutBucketLifecycle",
            Self::CreateBucket => "CreateBucket",
            Self::GetSessionToken => "GetSessionToken",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialOutcome {
    /// It is not permitted.
    Refused {
        /// The code of the answer.
        code: String,
    },
    /// It was done, or would have been if the request had been a sensible one.
    Allowed,
    /// The answer, or its absence, does not tell.
    Unclear {
        /// Why not.
        why: String,
    },
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// What was tried.
    pub operation: Operation,
    /// Where: `bucket/prefix`, a bucket, or `Echo` as a whole.
    pub place: String,
    /// What became of it.
    pub outcome: TrialOutcome,
}

/// Whether reading works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Every place was listed and an object was read.
    Read {
        /// Which, as `bucket/key`.
        object: String,
    },
    /// Every place was listed, and there is nothing in any.
    ListedEmpty,
    /// It is not permitted.
    Refused {
        /// Where: `bucket/prefix` or `bucket/key`.
        place: String,
        /// The code of the answer.
        code: String,
    },
    /// The answer, or its absence, does not tell.
    Unclear {
        /// Why not.
        why: String,
    },
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Reading works, and everything else was refused.
    ReadOnly,
    /// These were not refused. Whoever issues such credentials must stop.
    Writes(Vec<Operation>),
    /// Reading is refused. Nothing else was allowed either, but that says little: RGW refuses ended
    /// session tokens with the same code.
    Unreadable(String),
    /// Nothing was allowed that should not be, but not everything is known.
    Unclear(String),
}

/// All that was tried and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whether reading works.
    pub reading: Reading,
    /// The attempts to do what readers must not, in their order.
    pub trials: Vec<Trial>,
    /// What the proof made, or may have made, and could not take away again, in words.
    pub left: Vec<String>,
}

impl Proof {
    /// What it comes to. One operation that is allowed outweighs everything. Refusals count only
    /// beside reading that works.
    pub fn verdict(&self) -> Verdict {
        let mut allowed: Vec<Operation> = self
            .trials
            .iter()
            .filter(|trial| trial.outcome == TrialOutcome::Allowed)
            .map(|trial| trial.operation)
            .collect();
        allowed.sort_unstable();
        allowed.dedup();
        if !allowed.is_empty() {
            return Verdict::Writes(allowed);
        }
        match &self.reading {
            Reading::Read { .. } | Reading::ListedEmpty => {}
            Reading::Refused { place, code } => {
                return Verdict::Unreadable(format!("reading {place} is refused with {code}"));
            }
            Reading::Unclear { why } => return Verdict::Unclear(why.clone()),
        }
        for trial in &self.trials {
            if let TrialOutcome::Unclear { why } = &trial.outcome {
                let Trial {
                    operation, place, ..
                } = trial;
                return Verdict::Unclear(format!("{operation} at {place}: {why}"));
            }
        }
        if self.trials.is_empty() {
            return Verdict::Unclear("nothing was tried".to_owned());
        }
        Verdict::ReadOnly
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { object } => write!(f, "works ({object})"),
            Self::ListedEmpty => f.write_str("works (listed, empty)"),
            Self::Refused { place, code } => write!(f, "REFUSED at {place} with {code}"),
            Self::Unclear { why } => write!(f, "unclear: {why}"),
        }
    }
}

impl fmt::Display for TrialOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code } => write!(f, "refused ({code})"),
            Self::Allowed => f.write_str("ALLOWED"),
            Self::Unclear { why } => write!(f, "unclear: {why}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => f.write_str("read-only"),
            Self::Writes(operations) => {
                let names: Vec<&str> = operations.iter().map(|op| op.as_str()).collect();
                write!(f, "writes: {}", names.join(", "))
            }
            Self::Unreadable(why) => write!(f, "unreadable: {why}"),
            Self::Unclear(why) => write!(f, "unclear: {why}"),
        }
    }
}

/// A line for each attempt, and the verdict last.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22} {}", "reading", self.reading)?;
        for trial in &self.trials {
            let Trial {
                operation,
                place,
                outcome,
            } = trial;
            writeln!(f, "{:<22} {place}: {outcome}", operation.as_str())?;
        }
        for left in &self.left {
            writeln!(f, "{:<22} {left}", "LEFT BEHIND")?;
        }
        write!(f, "{:<22} {}", "verdict", self.verdict())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(reading: Reading, outcomes: &[TrialOutcome]) -> Proof {
        let trial = |outcome: &TrialOutcome| Trial {
            operation: Operation::PutObject,
            place: "m13/".to_owned(),
            outcome: outcome.clone(),
        };
        Proof {
            reading,
            trials: outcomes.iter().map(trial).collect(),
            left: Vec::new(),
        }
    }

    fn refused() -> TrialOutcome {
        TrialOutcome::Refused {
            code: "AccessDenied".to_owned(),
        }
    }

    #[test]
    fn only_reading_that_works_and_refusals_alone_are_read_only() {
        assert_eq!(
            proof(Reading::ListedEmpty, &[refused()]).verdict(),
            Verdict::ReadOnly
        );
        let unclear = TrialOutcome::Unclear {
            why: "503".to_owned(),
        };
        let no_reading = Reading::Refused {
            place: "m13/".to_owned(),
            code: "AccessDenied".to_owned(),
        };
        for doubtful in [
            proof(Reading::ListedEmpty, &[refused(), unclear.clone()]),
            proof(Reading::ListedEmpty, &[]),
            proof(
                Reading::Unclear {
                    why: "late".to_owned(),
                },
                &[refused()],
            ),
        ] {
            assert!(
                matches!(doubtful.verdict(), Verdict::Unclear(_)),
                "{doubtful}"
            );
        }
        let unreadable = proof(no_reading.clone(), &[refused()]).verdict();
        assert!(matches!(unreadable, Verdict::Unreadable(_)), "{unreadable}");
        let writes = proof(
            no_reading,
            &[
                refused(),
                unclear,
                TrialOutcome::Allowed,
                TrialOutcome::Allowed,
            ],
        );
        assert_eq!(
            writes.verdict(),
            Verdict::Writes(vec![Operation::PutObject])
        );
        assert!(
            writes.to_string().ends_with("writes: PutObject"),
            "{writes}"
        );
    }
}
