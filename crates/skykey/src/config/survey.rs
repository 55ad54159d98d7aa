//! `[[survey]]`: a survey, with everything that is left out named after it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skykey_types::{
    GroupPath, Lifetime, Limits, Method, Prefix, ProjectName, RoleArn, Roles, SignedDuration,
    Survey, SurveyName,
};

use super::words::Duration;
use super::{ConfigError, ConfiguredSurvey, Images};

/// A cut below this leaves no time to use what was given.
const SHORTEST_CUT: SignedDuration = SignedDuration::from_secs(5);

/// A survey with everything named after it: the bucket NAME, the groups NAME/readers and
/// NAME/curators, the projects NAME and NAME-ro, the roles skykey-NAME-readers and -curators.
pub(crate) fn survey_named(name: &SurveyName, title: String) -> Result<Survey, ConfigError> {
    Ok(Survey {
        prefixes: vec![format!("{name}/").parse()?],
        readers: vec![format!("{name}/readers").parse()?],
        curators: vec![format!("{name}/curators").parse()?],
        data_project: name.as_str().parse()?,
        readers_project: format!("{name}-ro").parse()?,
        lifetime: Limits::SURVEY,
        cut: None,
        methods: vec![
            Method::StsLite,
            Method::Gateway,
            Method::AssumeRole,
            Method::Ec2,
        ],
        roles: Roles {
            read: Some(format!("arn:aws:iam:::role/skykey-{name}-readers").parse()?),
            write: Some(format!("arn:aws:iam:::role/skykey-{name}-curators").parse()?),
        },
        title,
        name: name.clone(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    name: SurveyName,
    title: Option<String>,
    images: Option<PathBuf>,
    prefixes: Option<Vec<Prefix>>,
    readers: Option<Vec<GroupPath>>,
    curators: Option<Vec<GroupPath>>,
    project: Option<ProjectName>,
    data_project: Option<ProjectName>,
    lifetime: Option<LifetimeRange>,
    cut: Option<Duration>,
    methods: Option<Vec<Method>>,
    #[serde(default)]
    roles: RolesEntry,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RolesEntry {
    read: Option<RoleArn>,
    write: Option<RoleArn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LifetimeRange {
    min: Duration,
    max: Duration,
}

impl Entry {
    /// The survey, with what was left out named after it.
    ///
    /// At a real Echo there are no roles unless they are named, and no gateway.
    pub(super) fn into_survey(
        self,
        beside: &Path,
        at_echo: bool,
    ) -> Result<ConfiguredSurvey, String> {
        let name = &self.name;
        let title = self.title.unwrap_or_else(|| name.to_string());
        let mut survey = survey_named(name, title).map_err(|error| error.to_string())?;
        let wrong = |what: &str| Err(format!("survey '{name}': {what}"));
        if let Some(prefixes) = self.prefixes {
            survey.prefixes = prefixes;
        }
        if survey.prefixes.is_empty() {
            return wrong("prefixes must name at least one place");
        }
        // Keys are no paths: S3 takes such segments as they are, and its clients fold them away.
        let climbs = |place: &&Prefix| {
            place
                .prefix
                .split('/')
                .any(|part| matches!(part, "." | ".."))
        };
        if let Some(place) = survey.prefixes.iter().find(climbs) {
            return wrong(&format!(
                "the prefix '{place}' has a part '.' or '..', which clients read as another place; write the place itself"
            ));
        }
        survey.readers = self.readers.unwrap_or(survey.readers);
        survey.curators = self.curators.unwrap_or(survey.curators);
        survey.readers_project = self.project.unwrap_or(survey.readers_project);
        survey.data_project = self.data_project.unwrap_or(survey.data_project);
        if at_echo {
            survey.roles = Roles::default();
            survey.methods = vec![Method::StsLite, Method::Ec2];
        }
        if let Some(methods) = self.methods {
            survey.methods = methods;
        }
        let RolesEntry { read, write } = self.roles;
        if read.is_some() || write.is_some() {
            survey.roles = Roles { read, write };
        }
        if survey.methods.is_empty() {
            return wrong("methods must name at least one of ec2, sts-lite, assume-role, gateway");
        }
        if let Some(range) = self.lifetime {
            survey.lifetime = Limits {
                min: range.min.whole_seconds(),
                max: range.max.whole_seconds(),
            };
            let Limits { min, max } = survey.lifetime;
            if min < Limits::STS.min || max > Limits::STS.max || min > max {
                return wrong("lifetime must lie within 900 s to 43200 s, min not above max");
            }
        }
        if let Some(cut) = self.cut {
            if !survey.methods.contains(&Method::Gateway) {
                return wrong(
                    "cut is for tests of the method gateway, which the survey does not offer; leave it out",
                );
            }
            if cut.0 < SHORTEST_CUT {
                return wrong("cut must be at least 5s");
            }
            survey.cut = Some(Lifetime::seconds(cut.whole_seconds()));
        }
        let images = match self.images {
            Some(folder) => Images::Folder(beside.join(folder)),
            None => Images::Nowhere,
        };
        Ok(ConfiguredSurvey { survey, images })
    }
}
