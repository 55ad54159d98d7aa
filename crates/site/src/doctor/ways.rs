//! The ways that people go, walked to their end for every survey: with the backend user in their place,
//! since nobody's login is at hand.

use std::collections::BTreeSet;

use skykey_echo::{Reading, read};
use skykey_seal::KeyRing;
use skykey_sts::{SessionClaims, SessionTokens};
use skykey_types::{Access, Credentials, Method, SubjectId, Survey};

use super::At;
use super::sessions::{lifetime_of, not_offered, session_token};
use super::survey::{Sound, read_only, readers_key};
use skykey_checks::section::{Because, NotWell, Section};

/// Who doctor is in the object store's log.
const SESSION: &str = "skykey-doctor";

type Walked = Result<String, NotWell>;

pub(super) async fn examine(at: &At, section: Section) {
    let ways = Ways {
        at,
        section: &section,
        ec2: at.ec2.get().await,
        sound: at.sound.get().await,
        sessions: at.sessions.get().await,
    };
    let any = |_: &Survey| true;
    let sts_lite = |survey: &Survey| survey.methods.contains(&Method::StsLite);
    ways.walk(
        "way-1-ec2",
        any,
        &not_offered(Method::Ec2),
        async |survey| ways.reads(survey, &ways.key(survey).await?).await,
    )
    .await;
    ways.walk(
        "way-2-session-token",
        sts_lite,
        &not_offered(Method::StsLite),
        async |survey| {
            ways.sessions.as_ref()?;
            let token = session_token(at, survey, &ways.key(survey).await?).await?;
            ways.reads(survey, &token).await
        },
    )
    .await;
    for method in [Method::StsLite, Method::AssumeRole, Method::Gateway] {
        let offers = |survey: &Survey| survey.methods.contains(&method);
        if !at.target.surveys.iter().any(offers) {
            continue;
        }
        ways.walk(
            &format!("way-3-{method}"),
            offers,
            &not_offered(method),
            async |survey| {
                let credentials = ways.by_method(survey, method).await?;
                read_only(at, survey, &credentials).await?;
                Ok("reads, and cannot write".to_owned())
            },
        )
        .await;
    }
    ways.walk(
        "way-4-renewal",
        sts_lite,
        &not_offered(Method::StsLite),
        async |survey| {
            ways.sessions.as_ref()?;
            ways.renewed(survey).await
        },
    )
    .await;
}

struct Ways<'a> {
    at: &'a At,
    section: &'a Section,
    ec2: Result<(), Because>,
    sound: Result<Sound, Because>,
    sessions: Result<(), Because>,
}

impl Ways<'_> {
    /// One way for each survey that has it: a check that passes if it does for all.
    async fn walk(
        &self,
        name: &str,
        offers: impl Fn(&Survey) -> bool,
        nobody: &Because,
        walk: impl AsyncFn(&Survey) -> Walked,
    ) {
        let surveys: Vec<&Survey> = self
            .at
            .target
            .surveys
            .iter()
            .filter(|s| offers(s))
            .collect();
        let _ = self
            .section
            .check(name, "", async {
                if surveys.is_empty() {
                    return Ok(((), format!("not needed: {}", nobody.0)));
                }
                let mut walked = Vec::new();
                for survey in surveys {
                    let outcome = match self.is_sound(survey) {
                        Ok(()) => walk(survey).await,
                        Err(because) => Err(because.into()),
                    };
                    walked.push((survey.name.as_str(), outcome));
                }
                together(walked).map(|found| ((), found))
            })
            .await;
    }

    /// What its own checks found about the survey.
    fn is_sound(&self, survey: &Survey) -> Result<(), Because> {
        let sound = self.sound.as_ref().map_err(Clone::clone)?;
        match sound.get(&survey.name) {
            Some(outcome) => outcome.clone(),
            None => Err(Because(format!("{} was not checked", survey.name))),
        }
    }

    async fn key(&self, survey: &Survey) -> Result<Credentials, Because> {
        readers_key(self.at, survey, &self.ec2).await
    }

    async fn reads(&self, survey: &Survey, credentials: &Credentials) -> Walked {
        let echo = &self.at.target.clients.site.echo;
        match read(echo, credentials, &survey.prefixes).await {
            Reading::Read { .. } => Ok("reads".to_owned()),
            Reading::ListedEmpty => Ok("lists, and nothing is in it yet".to_owned()),
            Reading::Refused { place, code } => Err(NotWell::failed(
                format!("reading {place} is refused with {code}"),
                format!("run 'skykey survey apply {}'", survey.name),
            )),
            Reading::Unclear { why } => Err(NotWell::failed(why, "see Echo's log, and try again")),
        }
    }

    /// What the portal gives by `method`.
    async fn by_method(&self, survey: &Survey, method: Method) -> Result<Credentials, NotWell> {
        match method {
            Method::Gateway => self.sealed(survey),
            Method::AssumeRole => self.assumed(survey).await,
            Method::StsLite | Method::Ec2 => {
                self.sessions.as_ref()?;
                session_token(self.at, survey, &self.key(survey).await?).await
            }
        }
    }

    async fn assumed(&self, survey: &Survey) -> Result<Credentials, NotWell> {
        let name = &survey.name;
        let role = survey.roles.of(Access::Read).ok_or_else(|| {
            NotWell::failed(
                format!("{name} has the method assume-role and no role"),
                "name it under roles = { read = \"arn:aws:iam:::role/NAME\" }, or leave the method out",
            )
        })?;
        let key = self.key(survey).await?;
        let rights = survey.rights(Access::Read);
        let sts = &self.at.target.clients.site.sts;
        let assumed = sts
            .assume_role(&key, role, SESSION, lifetime_of(survey), &rights)
            .await;
        assumed.map_err(|error| {
            NotWell::failed(
                error.to_string(),
                format!(
                    "have Echo's operator see that {role} is there, trusts the project {} (arn:aws:iam::ITS-ID:root), and may last {}",
                    survey.readers_project,
                    lifetime_of(survey)
                ),
            )
        })
    }

    /// A session token sealed as the portal seals it, with the keys of the state directory.
    fn sealed(&self, survey: &Survey) -> Result<Credentials, NotWell> {
        let Some(path) = self.at.target.ring.as_ref().filter(|path| path.exists()) else {
            return Err(Because(
                "the keys that seal session tokens are not at hand; give --state DIR".to_owned(),
            )
            .into());
        };
        let ring = KeyRing::open_or_create(path)
            .map_err(|error| NotWell::failed(error.to_string(), "restore it from a backup"))?;
        let ourselves = || "skykey-doctor".to_owned();
        Ok(SessionTokens::new(ring).mint(&SessionClaims {
            subject: SubjectId {
                issuer: ourselves(),
                sub: ourselves(),
            },
            username: ourselves(),
            survey: survey.name.clone(),
            access: Access::Read,
            rights: survey.rights(Access::Read),
            expiration: self.at.clock.now() + lifetime_of(survey).duration(),
        }))
    }

    /// New credentials while the old ones still work, and both read.
    async fn renewed(&self, survey: &Survey) -> Walked {
        let key = self.key(survey).await?;
        let first = session_token(self.at, survey, &key).await?;
        self.reads(survey, &first).await?;
        let second = session_token(self.at, survey, &key).await?;
        if first.access_key_id == second.access_key_id {
            return Err(NotWell::failed(
                "two session tokens have one access key id, so that logs cannot tell leases apart",
                "tell Echo's operator",
            ));
        }
        self.reads(survey, &second).await?;
        self.reads(survey, &first).await?;
        Ok("renewed while the first works, and both read".to_owned())
    }
}

/// What was found for each survey, the same words only once.
fn together(walked: Vec<(&str, Walked)>) -> Walked {
    let (mut well, mut said) = (Vec::new(), BTreeSet::new());
    let (mut wrong, mut skipped, mut remedies) = (Vec::new(), None, Vec::new());
    for (name, outcome) in walked {
        match outcome {
            Ok(found) => {
                well.push(name);
                said.insert(found);
            }
            Err(NotWell::Failed { found, remedy }) => {
                wrong.push(format!("{name}: {found}"));
                remedies.push(remedy);
            }
            Err(NotWell::Skipped(because)) => {
                wrong.push(format!("{name}: skipped: {}", because.0));
                skipped = Some(because);
            }
        }
    }
    remedies.dedup();
    match (wrong.is_empty(), skipped) {
        (true, _) => {
            let said: Vec<String> = said.into_iter().collect();
            Ok(format!("{}: {}", well.join(", "), said.join("; ")))
        }
        (false, Some(because)) if remedies.is_empty() => Err(because.into()),
        (false, _) => Err(NotWell::failed(wrong.join("; "), remedies.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surveys_that_go_the_same_way_are_named_together() {
        let ok = || Ok("reads".to_owned());
        let because = || Err(Because("Echo cannot be reached".to_owned()).into());
        assert_eq!(
            together(vec![("a", ok()), ("b", ok())]).unwrap(),
            "a, b: reads"
        );
        let Err(NotWell::Skipped(why)) = together(vec![("a", because()), ("b", ok())]) else {
            panic!("a survey that could not be tried counts as tried")
        };
        assert_eq!(why.0, "Echo cannot be reached");
        let failed = Err(NotWell::failed("refused", "mend it"));
        let Err(NotWell::Failed { found, remedy }) =
            together(vec![("a", failed), ("b", because())])
        else {
            panic!("a failure counts as something else")
        };
        assert_eq!(found, "a: refused; b: skipped: Echo cannot be reached");
        assert_eq!(remedy, "mend it");
    }
}
