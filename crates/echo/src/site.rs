//! A survey's site at Echo: what has to be so that readers read and cannot write, what is, and the
//! steps between. [`plan`] looks, [`apply`] does, in the order that holds: what limits a user makes RGW
//! forget its user policies, so they come last.

mod apply;
mod diff;
mod plan;

use std::fmt;

use skykey_types::{BucketName, Credentials, Prefix, SurveyName};

use crate::ProjectId;

pub use apply::{Applied, apply};
pub use plan::plan;

/// A survey as Echo sees it, and who may look after it there.
#[derive(Debug, Clone)]
pub struct SurveySite {
    /// The survey.
    pub name: SurveyName,
    /// Where its objects lie.
    pub prefixes: Vec<Prefix>,
    /// The project that owns the buckets.
    pub data_project: ProjectId,
    /// The project of the readers, which owns nothing.
    pub readers_project: ProjectId,
    /// An EC2 credential of the data's project.
    pub data: Credentials,
    /// An EC2 credential of the readers' project.
    pub readers: Credentials,
    /// The keys of a user of the gateway's own with the capabilities `user-policy=*` and
    /// `users=*` (or `users=read`, and the operator runs a command). Without them some steps
    /// cannot be looked at.
    pub admin: Option<Credentials>,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePlan {
    /// For which survey.
    pub survey: SurveyName,
    /// In the order in which it is done.
    pub steps: Vec<Step>,
    /// What others made that is wider than readers need: told, and not changed.
    pub concerns: Vec<String>,
}

/// One thing that has to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub what: String,
    /// How it is, in words or as JSON; empty if there is nothing.
    pub now: String,
    /// How it should be, likewise.
    pub intended: String,
    /// What is done about it.
    pub action: Do,
}

/// What is done about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// It is as it should be.
    Nothing,
    /// Limit a project to reading, by the admin API.
    LimitUser {
        /// Which project.
        project: ProjectId,
    },
    /// Put a bucket's policy.
    PutBucketPolicy {
        /// Of which bucket.
        bucket: BucketName,
        /// The policy that was there, to see whether it still is.
        before: Option<String>,
        /// The policy to put.
        document: String,
    },
    /// Put a project's user policy.
    PutUserPolicy {
        /// Of which project.
        project: ProjectId,
        /// Its name.
        name: &'static str,
        /// Its text.
        document: String,
    },
    /// Somebody has to run this before anything else is done.
    OperatorCommand(String),
    /// It cannot be seen from here: make sure that somebody ran this.
    CheckByHand(String),
}

impl SitePlan {
    /// Whether nothing is to be done, as far as can be seen.
    pub fn is_in_order(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step.action, Do::Nothing | Do::CheckByHand(_)))
    }

    /// What somebody else has to run first.
    pub fn operator_commands(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.action {
            Do::OperatorCommand(command) => Some(command.as_str()),
            _ => None,
        })
    }
}

/// A line for each step, and below it the difference.
impl fmt::Display for SitePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "survey {}", self.survey)?;
        for step in &self.steps {
            let (word, command) = match &step.action {
                Do::Nothing => ("ok", None),
                Do::LimitUser { .. } | Do::PutBucketPolicy { .. } | Do::PutUserPolicy { .. } => {
                    ("change", None)
                }
                Do::OperatorCommand(command) => ("run first", Some(command)),
                Do::CheckByHand(command) => ("unseen", Some(command)),
            };
            writeln!(f, "  {word:<10} {}", step.what)?;
            if step.action != Do::Nothing {
                for line in diff::lines(&step.now, &step.intended) {
                    writeln!(f, "      {line}")?;
                }
            }
            if let Some(command) = command {
                writeln!(f, "      $ {command}")?;
            }
        }
        for concern in &self.concerns {
            writeln!(f, "  {:<10} {concern}", "look at")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_well() {
        let step = |what: &str, now: &str, intended: &str, action| Step {
            what: what.to_owned(),
            now: now.to_owned(),
            intended: intended.to_owned(),
            action,
        };
        let plan = SitePlan {
            survey: "m13".parse().unwrap(),
            steps: vec![
                step(
                    "the readers' project",
                    "read, write",
                    "read",
                    Do::OperatorCommand("radosgw-admin x".to_owned()),
                ),
                step(
                    "the policy of bucket m13",
                    "{\n  \"a\": 1\n}",
                    "{\n  \"a\": 2\n}",
                    Do::PutBucketPolicy {
                        bucket: "m13".parse().unwrap(),
                        before: None,
                        document: "{\"a\":2}".to_owned(),
                    },
                ),
                step("a user policy", "{}", "{}", Do::Nothing),
            ],
            concerns: vec!["a statement lets everybody write".to_owned()],
        };
        assert!(!plan.is_in_order());
        assert_eq!(
            plan.operator_commands().collect::<Vec<_>>(),
            ["radosgw-admin x"]
        );
        assert_eq!(
            plan.to_string(),
            "survey m13\n\
             \x20 run first  the readers' project\n\
             \x20     - read, write\n\
             \x20     + read\n\
             \x20     $ radosgw-admin x\n\
             \x20 change     the policy of bucket m13\n\
             \x20       {\n\
             \x20     -   \"a\": 1\n\
             \x20     +   \"a\": 2\n\
             \x20       }\n\
             \x20 ok         a user policy\n\
             \x20 look at    a statement lets everybody write\n"
        );
    }
}
