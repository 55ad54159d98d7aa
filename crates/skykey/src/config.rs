//! The configuration file: TOML, every key known, every value parsed once.
//!
//! ```toml
//! [watch]
//! every = "30s"         # how often the membership watch asks the IAM
//! iam_grace = "5m"      # new leases go on for so long when the IAM is silent
//!
//! [ec2]
//! kept = "10s"          # how long Keystone's word about an EC2 credential is believed
//!
//! [[survey]]
//! name = "lsst-dp1"
//! title = "LSST Data Preview 1"
//! images = "/data/dp1"              # published when skykey starts; may be left out
//! prefixes = ["lsst-dp1/"]          # bucket, or bucket/prefix
//! readers = ["lsst/echo-readers"]
//! curators = ["lsst/curators"]
//! project = "lsst-ro"               # the readers' OpenStack project
//! data_project = "lsst"             # the project that owns the data
//! lifetime = { min = "1h", max = "12h" }
//! methods = ["sts-lite", "gateway", "ec2"]
//! ```

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use skykey_types::{
    GroupPath, Limits, Method, Prefix, ProjectName, SignedDuration, Survey, SurveyName,
};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}", path = .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not the TOML that is expected.
    #[error("the configuration {path} is wrong: {why}", path = .path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Where and how.
        why: String,
    },
    /// Not `NAME=DIR`.
    #[error("'{0}' is not NAME=DIR; write for example --survey m13=./images")]
    NotNameDir(String),
    /// The name is no survey name.
    #[error(transparent)]
    Name(#[from] skykey_types::NameError),
}

/// A survey and the images to publish in it.
#[derive(Debug, Clone)]
pub struct ConfiguredSurvey {
    /// The survey.
    pub survey: Survey,
    /// What to publish when skykey starts.
    pub images: Images,
}

/// Where a survey's images come from.
#[derive(Debug, Clone)]
pub enum Images {
    /// They are in the store already, or curators bring them.
    Nowhere,
    /// Every file under a directory.
    Folder(PathBuf),
    /// Rendered by skykey.
    Rendered,
}

/// The settings of a site.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often the membership watch asks the IAM.
    pub watch_every: SignedDuration,
    /// How long new leases go on when the IAM is silent.
    pub iam_grace: SignedDuration,
    /// How long Keystone's word about an EC2 credential is believed.
    pub ec2_kept: SignedDuration,
    /// The surveys.
    pub surveys: Vec<ConfiguredSurvey>,
}

/// `--survey NAME=DIR`.
#[derive(Debug, Clone)]
pub struct SurveySource {
    name: SurveyName,
    folder: PathBuf,
}

impl FromStr for SurveySource {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text.split_once('=') {
            Some((name, folder)) if !folder.is_empty() => Ok(Self {
                name: name.parse()?,
                folder: PathBuf::from(folder),
            }),
            _ => Err(ConfigError::NotNameDir(text.to_owned())),
        }
    }
}

impl Config {
    /// The configuration of `file`, or the demo survey; in either case with `surveys` added.
    pub fn load(file: Option<&Path>, surveys: &[SurveySource]) -> Result<Self, ConfigError> {
        let mut config = match file {
            Some(path) => Self::read(path)?,
            None => Self::demo(),
        };
        for source in surveys {
            let survey = survey_named(&source.name, format!("Images of {}", source.name))?;
            config.surveys.push(ConfiguredSurvey {
                survey,
                images: Images::Folder(source.folder.clone()),
            });
        }
        Ok(config)
    }

    fn demo() -> Self {
        let name = "demo".parse().expect("'demo' is a survey name");
        let survey = survey_named(&name, "Rendered star fields and alert stamps".to_owned())
            .expect("the names made of 'demo' are names");
        let Watch { every, iam_grace } = Watch::default();
        Self {
            watch_every: every.0,
            iam_grace: iam_grace.0,
            ec2_kept: Ec2::default().kept.0,
            surveys: vec![ConfiguredSurvey {
                survey,
                images: Images::Rendered,
            }],
        }
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let wrong = |why: String| ConfigError::Wrong {
            path: path.to_owned(),
            why,
        };
        let file: File = toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text[..span.start].lines().count().max(1));
            wrong(format!("line {line}: {}", error.message()))
        })?;
        if file.watch.every.0 < SignedDuration::from_secs(1) {
            return Err(wrong("watch.every must be at least 1s".to_owned()));
        }
        let surveys = file
            .survey
            .into_iter()
            .map(|entry| entry.into_survey().map_err(wrong))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            watch_every: file.watch.every.0,
            iam_grace: file.watch.iam_grace.0,
            ec2_kept: file.ec2.kept.0,
            surveys,
        })
    }
}

/// A survey with everything named after it: the bucket NAME, the groups NAME/readers and
/// NAME/curators, the projects NAME and NAME-ro.
fn survey_named(name: &SurveyName, title: String) -> Result<Survey, ConfigError> {
    Ok(Survey {
        prefixes: vec![format!("{name}/").parse()?],
        readers: vec![format!("{name}/readers").parse()?],
        curators: vec![format!("{name}/curators").parse()?],
        data_project: name.as_str().parse()?,
        readers_project: format!("{name}-ro").parse()?,
        lifetime: Limits::SURVEY,
        methods: vec![Method::StsLite, Method::Gateway, Method::Ec2],
        title,
        name: name.clone(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    watch: Watch,
    #[serde(default)]
    ec2: Ec2,
    survey: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Watch {
    every: Duration,
    iam_grace: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            every: Duration(SignedDuration::from_secs(30)),
            iam_grace: Duration(SignedDuration::from_mins(5)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ec2 {
    kept: Duration,
}

impl Default for Ec2 {
    fn default() -> Self {
        Self {
            kept: Duration(SignedDuration::from_secs(10)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: SurveyName,
    title: Option<String>,
    images: Option<PathBuf>,
    prefixes: Option<Vec<Prefix>>,
    readers: Option<Vec<GroupPath>>,
    curators: Option<Vec<GroupPath>>,
    project: Option<ProjectName>,
    data_project: Option<ProjectName>,
    lifetime: Option<LifetimeRange>,
    methods: Option<Vec<Method>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LifetimeRange {
    min: Duration,
    max: Duration,
}

impl Entry {
    fn into_survey(self) -> Result<ConfiguredSurvey, String> {
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
        survey.readers = self.readers.unwrap_or(survey.readers);
        survey.curators = self.curators.unwrap_or(survey.curators);
        survey.readers_project = self.project.unwrap_or(survey.readers_project);
        survey.data_project = self.data_project.unwrap_or(survey.data_project);
        if let Some(methods) = self.methods {
            survey.methods = methods;
        }
        if survey.methods.is_empty() {
            return wrong("methods must name at least one of ec2, sts-lite, gateway");
        }
        if let Some(range) = self.lifetime {
            let seconds =
                |duration: Duration| u32::try_from(duration.0.as_secs()).unwrap_or(u32::MAX);
            survey.lifetime = Limits {
                min: seconds(range.min),
                max: seconds(range.max),
            };
            let Limits { min, max } = survey.lifetime;
            if min < Limits::STS.min || max > Limits::STS.max || min > max {
                return wrong("lifetime must lie within 900 s to 43200 s, min not above max");
            }
        }
        let images = match self.images {
            Some(folder) => Images::Folder(folder),
            None => Images::Nowhere,
        };
        Ok(ConfiguredSurvey { survey, images })
    }
}

/// `"30s"`, `"5m"`, `"12h"`; never negative.
struct Duration(SignedDuration);

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<SignedDuration>() {
            Ok(duration) if !duration.is_negative() => Ok(Self(duration)),
            _ => Err(serde::de::Error::custom(format!(
                "'{text}' is not a duration; write for example \"30s\", \"5m\" or \"12h\""
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("skykey.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_survey_needs_only_a_name() {
        let config = load("[[survey]]\nname = \"dp1\"").unwrap();
        let survey = &config.surveys[0].survey;
        assert_eq!(survey.readers[0].as_str(), "dp1/readers");
        assert_eq!(survey.readers_project.as_str(), "dp1-ro");
        assert_eq!(survey.lifetime, Limits::SURVEY);
        assert_eq!(config.watch_every, SignedDuration::from_secs(30));
    }

    #[test]
    fn everything_can_be_said() {
        let config = load(
            "[watch]\nevery = \"5s\"\niam_grace = \"1m\"\n[ec2]\nkept = \"0s\"\n[[survey]]\nname = \"dp1\"\ntitle = \"DP1\"\n\
             prefixes = [\"lsst/dp1/\"]\nreaders = [\"/lsst/r\"]\ncurators = []\nproject = \"a\"\ndata_project = \"b\"\n\
             lifetime = { min = \"30m\", max = \"6h\" }\nmethods = [\"gateway\"]",
        )
        .unwrap();
        let survey = &config.surveys[0].survey;
        assert_eq!(
            survey.lifetime,
            Limits {
                min: 1800,
                max: 21600
            }
        );
        assert_eq!(survey.readers[0].as_str(), "lsst/r");
        assert_eq!(survey.methods, [Method::Gateway]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, says) in [
            (
                "[[survey]]\nname = \"dp1\"\ncolour = 1",
                "unknown field `colour`",
            ),
            ("[[survey]]\nname = \"D\"", "'D' is not a survey name"),
            (
                "[[survey]]\nname = \"dp1\"\nlifetime = { min = \"1h\", max = \"13h\" }",
                "within 900 s to 43200 s",
            ),
            (
                "[[survey]]\nname = \"dp1\"\nmethods = []",
                "at least one of",
            ),
            (
                "[watch]\nevery = \"soon\"\n[[survey]]\nname = \"dp1\"",
                "not a duration",
            ),
            (
                "[watch]\nevery = \"0s\"\n[[survey]]\nname = \"dp1\"",
                "at least 1s",
            ),
            ("survey = 1", "expected"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(says), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn a_survey_on_the_command_line_is_name_and_folder() {
        assert!("m13=./images".parse::<SurveySource>().is_ok());
        for bad in ["m13", "m13=", "=x", "M13=x"] {
            assert!(bad.parse::<SurveySource>().is_err(), "{bad}");
        }
    }
}
