//! The surveys: their policies are as intended, their readers read and cannot write.

use std::collections::BTreeMap;
use std::sync::Arc;

use skykey_echo::site::{self, Do, SitePlan, SurveySite};
use skykey_echo::{Proof, ProofPlan, Reading, Verdict, prove, read};
use skykey_types::{Credentials, Survey, SurveyName};

use super::At;
use super::echo::{project_id, refused};
use skykey_checks::section::{Because, NotWell, Section, Seen};

/// For each survey, whether its readers read and cannot write.
pub(super) type Sound = Arc<BTreeMap<SurveyName, Result<(), Because>>>;

pub(super) async fn examine(at: &At, section: Section) {
    let believed = at.ec2.get().await;
    let mut sound = BTreeMap::new();
    for survey in &at.target.surveys {
        let outcome = one(at, &section, survey, &believed).await;
        sound.insert(survey.name.clone(), outcome);
    }
    at.sound.tell(Ok(Arc::new(sound)));
}

async fn one(
    at: &At,
    section: &Section,
    survey: &Survey,
    believed: &Result<(), Because>,
) -> Result<(), Because> {
    let name = &survey.name;
    let key = readers_key(at, survey, believed).await;
    let _ = section
        .check(&format!("survey-{name}-policy"), "", async {
            policy(at, survey, key.as_ref()?).await
        })
        .await;
    let mut reading = None;
    let listed = section
        .check(
            &format!("survey-{name}-listed"),
            &format!("the readers of {name} cannot list it"),
            async {
                let key = key.as_ref()?;
                let echo = &at.target.clients.site.echo;
                let seen = read(echo, key, &survey.prefixes).await;
                let verdict = listed(survey, &seen);
                reading = Some(seen);
                verdict
            },
        )
        .await;
    let readable = section
        .check(
            &format!("survey-{name}-readable"),
            &format!("the readers of {name} cannot read"),
            async {
                listed.as_ref()?;
                readable(survey, reading.as_ref())
            },
        )
        .await;
    section
        .check(
            &format!("survey-{name}-read-only"),
            &format!("the readers of {name} can write"),
            async {
                readable.as_ref()?;
                let found = read_only(at, survey, key.as_ref()?).await?;
                Ok(((), found))
            },
        )
        .await
}

/// The backend user's EC2 credential in the readers' project.
pub(super) async fn readers_key(
    at: &At,
    survey: &Survey,
    believed: &Result<(), Because>,
) -> Result<Credentials, Because> {
    believed.clone()?;
    at.places.get().await?.id(&survey.readers_project)?;
    at.keys.of(&survey.readers_project).await
}

/// Whether everything at Echo is as 'skykey survey apply' would leave it.
async fn policy(at: &At, survey: &Survey, readers: &Credentials) -> Seen {
    if !at.target.is_ceph() {
        let found = "none, and none is needed: the embedded endpoint looks at rights itself";
        return Ok(((), found.to_owned()));
    }
    at.places.get().await?.id(&survey.data_project)?;
    let admin = match at.admin.get().await {
        Ok(()) => at.target.systems.echo.admin.clone(),
        // It is told already; what can be seen without is looked at.
        Err(_) => None,
    };
    let site = SurveySite {
        name: survey.name.clone(),
        prefixes: survey.prefixes.clone(),
        data_project: project_id(at, &survey.data_project).await?,
        readers_project: project_id(at, &survey.readers_project).await?,
        data: at.keys.of(&survey.data_project).await?,
        readers: readers.clone(),
        admin,
    };
    let plan = site::plan(&at.target.clients.site.echo, &site)
        .await
        .map_err(|error| refused(Some(&error)))?;
    judge(survey, &plan)
}

fn judge(survey: &Survey, plan: &SitePlan) -> Seen {
    let mut wrong = plan.concerns.clone();
    let (mut changes, mut unseen) = (0, 0);
    for step in &plan.steps {
        match &step.action {
            Do::Nothing => {}
            Do::CheckByHand(_) => unseen += 1,
            Do::LimitUser { .. } | Do::PutBucketPolicy { .. } | Do::PutUserPolicy { .. } => {
                changes += 1;
                wrong.push(format!("not as intended: {}", step.what));
            }
            Do::OperatorCommand(_) => wrong.push(format!("{}: {}", step.what, step.now)),
        }
    }
    if wrong.is_empty() {
        let found = match unseen {
            0 => "as 'skykey survey apply' leaves it".to_owned(),
            unseen => format!(
                "as intended, as far as can be seen; {unseen} things only an operator sees, or [echo.admin]"
            ),
        };
        return Ok(((), found));
    }
    let name = &survey.name;
    let mut remedies: Vec<String> = plan
        .operator_commands()
        .map(|c| format!("run {c}"))
        .collect();
    if changes > 0 {
        remedies.push(format!(
            "run 'skykey survey apply {name}' (with --dry-run it shows the difference)"
        ));
    }
    if !plan.concerns.is_empty() {
        remedies.push(format!(
            "'skykey survey apply --dry-run {name}' shows what others made too wide; skykey never changes that: ask whose it is, and remove it"
        ));
    }
    Err(NotWell::failed(wrong.join("; "), remedies.join("; ")))
}

fn apply(survey: &Survey) -> String {
    format!(
        "see survey-{name}-policy above; 'skykey survey apply {name}' lets the readers read",
        name = survey.name
    )
}

fn listed(survey: &Survey, reading: &Reading) -> Seen {
    let places: Vec<String> = survey.prefixes.iter().map(ToString::to_string).collect();
    match reading {
        Reading::Refused { place, code } if places.contains(place) => Err(NotWell::failed(
            format!("listing {place} is refused with {code}"),
            apply(survey),
        )),
        Reading::Unclear { why } => Err(NotWell::failed(
            why,
            "see whether the bucket exists, and Echo's log",
        )),
        _ => Ok(((), places.join(", "))),
    }
}

fn readable(survey: &Survey, reading: Option<&Reading>) -> Seen {
    match reading {
        Some(Reading::Read { object }) => Ok(((), object.clone())),
        Some(Reading::ListedEmpty) => Ok(((), "nothing is in it yet".to_owned())),
        Some(Reading::Refused { place, code }) => Err(NotWell::failed(
            format!("reading {place} is refused with {code}"),
            apply(survey),
        )),
        Some(Reading::Unclear { why }) => Err(NotWell::failed(why, "see Echo's log")),
        None => Err(Because("it was not tried".to_owned()).into()),
    }
}

/// Tries to write with `credentials`, and is content if nothing succeeds.
pub(super) async fn read_only(
    at: &At,
    survey: &Survey,
    credentials: &Credentials,
) -> Result<String, NotWell> {
    let tidy = match at.places.get().await?.id(&survey.data_project) {
        Ok(_) if at.target.is_ceph() => at.keys.of(&survey.data_project).await.ok(),
        _ => None,
    };
    let plan = ProofPlan {
        prefixes: survey.prefixes.clone(),
        renewal_refused: credentials.session_token.is_some(),
        tidy,
    };
    let (echo, credentials) = (at.target.clients.site.echo.clone(), credentials.clone());
    let proof: Proof = at
        .keys
        .to_the_end(async move { prove(&echo, &credentials, &plan).await })
        .await;
    at.keys.left(proof.left.iter().cloned());
    let name = &survey.name;
    match proof.verdict() {
        Verdict::ReadOnly => Ok(format!(
            "{} ways of writing were tried, and all refused",
            proof.trials.len()
        )),
        Verdict::Writes(operations) => {
            let names: Vec<&str> = operations.iter().map(|op| op.as_str()).collect();
            Err(NotWell::failed(
                format!("readers can write: {}", names.join(", ")),
                format!(
                    "issue no credentials of {name} until this is repaired: 'skykey survey apply --dry-run {name}' shows which policy is too wide"
                ),
            ))
        }
        Verdict::Unreadable(why) => Err(NotWell::failed(why, apply(survey))),
        Verdict::Unclear(why) => Err(NotWell::failed(
            format!("not proved: {why}"),
            "see Echo's log, and try again",
        )),
    }
}
