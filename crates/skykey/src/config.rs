//! The configuration file: TOML, every key known, every value parsed once. A path is relative to the file.
//! `deploy/skykey.toml` shows all of it for a site; [`KEYS`] lists each key, and `docs/reference/configuration.md` is
//! made of that list.

mod file;
mod jupyterhub;
mod keys;
mod site;
mod survey;
mod words;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::bail;
use skykey_broker::{BackendSettings, HandOutSettings, Surveys, SurveysError};
use skykey_site::{EchoSite, IamSite, KeystoneSettings, RealSite};
use skykey_types::{Method, SignedDuration, Survey, SurveyName};

use file::File;
pub use jupyterhub::HubSite;
pub use keys::{Fallback, KEYS, Key};
pub use site::PortalSite;
pub(crate) use survey::survey_named;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}", path = .path.display())]
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
    /// Surveys contradict each other.
    #[error(transparent)]
    Surveys(#[from] SurveysError),
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
    /// How often it is proved that readers cannot write.
    pub prove_every: SignedDuration,
    /// How the backend user's EC2 credentials are kept.
    pub backend: BackendSettings,
    /// Where the portal is and how it is served.
    pub portal: PortalSite,
    /// The IAM, unless the embedded one serves.
    pub iam: Option<IamSite>,
    /// Keystone, unless the embedded one serves.
    pub keystone: Option<KeystoneSettings>,
    /// Echo, unless the embedded endpoint serves.
    pub echo: Option<EchoSite>,
    /// The JupyterHub whose notebook servers get credentials, if there is one.
    pub jupyterhub: Option<HubSite>,
    /// How credentials are handed out again.
    pub hand_out: HandOutSettings,
    /// The surveys.
    pub surveys: Vec<ConfiguredSurvey>,
    /// Who does the rounds.
    pub rounds: Rounds,
}

/// Who does the rounds of the membership watch and of the upkeep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounds {
    /// They are done in the background.
    InTheBackground,
    /// A test does them when it wants to, and knows who made which request. Not in the file.
    ByHand,
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
    /// The configuration of `file`, or none, with `surveys` added. Where it names neither a survey nor a real system
    /// there is the demo survey. No command
    /// goes on with surveys that contradict each other: limiting the readers' project of one to reading
    /// would lock out the curators of another whose data it owns.
    pub fn load(file: Option<&Path>, surveys: &[SurveySource]) -> Result<Self, ConfigError> {
        let mut config = match file {
            Some(path) => Self::read(path)?,
            None => Self::bare(),
        };
        let at_home = config.iam.is_none() && config.keystone.is_none() && config.echo.is_none();
        if config.surveys.is_empty() && at_home {
            config.surveys.push(demo());
        }
        for source in surveys {
            let survey = survey_named(&source.name, format!("Images of {}", source.name))?;
            config.surveys.push(ConfiguredSurvey {
                survey,
                images: Images::Folder(source.folder.clone()),
            });
        }
        config.surveys_differ().map_err(|error| match file {
            Some(path) => ConfigError::Wrong {
                path: path.to_owned(),
                why: error.to_string(),
            },
            None => error.into(),
        })?;
        if let (Some(hub), Some(path)) = (&config.jupyterhub, file) {
            jupyterhub::fits(&hub.notebooks, &config.surveys).map_err(|why| {
                ConfigError::Wrong {
                    path: path.to_owned(),
                    why,
                }
            })?;
        }
        Ok(config)
    }

    /// The site that `file` describes, for commands that are of no use with the embedded stand-ins.
    pub fn real_site(file: &Path) -> anyhow::Result<RealSite> {
        let config = Self::load(Some(file), &[])?;
        let surveys = config.surveys.into_iter();
        match (config.keystone, config.echo) {
            (Some(keystone), Some(echo)) => Ok(RealSite {
                surveys: surveys.map(|configured| configured.survey).collect(),
                keystone,
                echo,
            }),
            _ => bail!(
                "{} has no [keystone] and [echo]: the embedded endpoint needs no policies, it looks at rights itself",
                file.display()
            ),
        }
    }

    /// The settings of an empty file.
    pub(crate) fn bare() -> Self {
        File::default()
            .into_config(Path::new("."))
            .expect("the defaults are a configuration")
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
        let beside = path.parent().unwrap_or(Path::new("."));
        file.into_config(beside).map_err(wrong)
    }
}

fn demo() -> ConfiguredSurvey {
    let name = "demo".parse().expect("'demo' is a survey name");
    let survey = survey_named(&name, "Rendered star fields and alert stamps".to_owned())
        .expect("the names made of 'demo' are names");
    ConfiguredSurvey {
        survey,
        images: Images::Rendered,
    }
}

impl Config {
    /// Refuses two surveys of one name, and a project that is named twice. None at all is only `up`'s
    /// trouble.
    fn surveys_differ(&self) -> Result<(), SurveysError> {
        if self.surveys.is_empty() {
            return Ok(());
        }
        let surveys = self.surveys.iter();
        Surveys::new(
            surveys
                .map(|configured| configured.survey.clone())
                .collect(),
        )
        .map(drop)
    }

    /// Refuses what cannot work: some systems come only with others.
    fn fits_together(&self) -> Result<(), String> {
        if self.echo.is_some() && self.keystone.is_none() {
            return Err(
                "[echo] needs [keystone]: Echo asks its own Keystone whose an EC2 credential is"
                    .to_owned(),
            );
        }
        if self.iam.is_some() && self.keystone.is_none() {
            return Err(
                "[iam] needs [keystone]: the embedded Keystone knows only the embedded IAM's people"
                    .to_owned(),
            );
        }
        if self
            .keystone
            .as_ref()
            .is_some_and(|site| site.admin.is_none())
            && self.echo.is_none()
        {
            return Err(
                "[keystone] without [echo] needs [keystone.admin_user]: the embedded endpoint asks whose an EC2 credential is"
                    .to_owned(),
            );
        }
        if let (Some(hub), Some(iam)) = (&self.jupyterhub, &self.iam) {
            jupyterhub::fits_iam(&hub.notebooks, &iam.client)?;
        }
        for ConfiguredSurvey { survey, images } in &self.surveys {
            let name = &survey.name;
            if self.echo.is_some() && survey.methods.contains(&Method::Gateway) {
                return Err(format!(
                    "survey '{name}': the method gateway is the embedded endpoint's; with [echo], methods are sts-lite, assume-role and ec2"
                ));
            }
            if self.echo.is_some() && !matches!(images, Images::Nowhere) {
                return Err(format!(
                    "survey '{name}': images are published by the embedded endpoint only; curators bring them to Echo"
                ));
            }
            if survey.methods.contains(&Method::AssumeRole) && survey.roles.read.is_none() {
                return Err(format!(
                    "survey '{name}': the method assume-role needs roles = {{ read = \"arn:aws:iam:::role/NAME\" }}"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use skykey_types::Limits;

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
    fn a_hub_needs_only_an_address() {
        let config = load("[jupyterhub]\nurl = \"https://hub.example.org/jupyter/\"").unwrap();
        let hub = config.jupyterhub.unwrap().notebooks;
        assert_eq!(hub.user, skykey_hub::HubName::Username);
        assert!(!hub.any_token && hub.survey.is_none());
        // As without a file.
        assert_eq!(config.surveys[0].survey.name.as_str(), "demo");
        assert_eq!(config.hand_out.renew_at, SignedDuration::from_mins(20));
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
            (
                "[jupyterhub]\nurl = \"ftp://x/\"",
                "address of a JupyterHub",
            ),
            (
                "[jupyterhub]\nurl = \"http://x/\"\nuser = \"mail\"",
                "unknown variant `mail`",
            ),
            (
                "[jupyterhub]\nurl = \"http://x/\"\nmethod = \"ec2\"",
                "needs a person's login",
            ),
            (
                "[jupyterhub]\nurl = \"http://x/\"\nsurvey = \"dp1\"",
                "there is no survey 'dp1'",
            ),
            (
                "[jupyterhub]\nurl = \"http://x/\"\nlifetime = \"13h\"\n[[survey]]\nname = \"dp1\"",
                "gives 3600 s to 43200 s",
            ),
            (
                "[jupyterhub]\nurl = \"http://x/\"\nmethod = \"gateway\"\n[[survey]]\nname = \"dp1\"\nmethods = [\"ec2\"]",
                "does not offer gateway",
            ),
            (
                "[jupyterhub]\nurl = \"http://x/\"\nrenew_at = \"30s\"",
                "at least 60s",
            ),
            (
                "[[survey]]\nname = \"dp1\"\nmethods = [\"ec2\"]\ncut = \"60s\"",
                "for tests of the method gateway",
            ),
            (
                "[[survey]]\nname = \"dp1\"\ncut = \"1s\"",
                "cut must be at least 5s",
            ),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(says), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn every_command_refuses_a_readers_project_that_owns_data() {
        for text in [
            "[[survey]]\nname = \"dp1\"\nproject = \"lsst\"\ndata_project = \"lsst\"",
            "[[survey]]\nname = \"dp1\"\nproject = \"lsst\"\n[[survey]]\nname = \"dp2\"\ndata_project = \"lsst\"",
        ] {
            let error = load(text).unwrap_err();
            assert!(
                error.contains("skykey.toml") && error.contains("'lsst' is named twice"),
                "{error}"
            );
        }
        let same = SurveySource {
            name: "demo".parse().unwrap(),
            folder: PathBuf::from("."),
        };
        let error = Config::load(None, &[same]).unwrap_err().to_string();
        assert!(error.contains("two surveys are called 'demo'"), "{error}");
    }

    #[test]
    fn a_prefix_that_climbs_out_of_itself_is_refused() {
        for place in ["m13/../x", "m13/./x", "m13/..", "m13/a/../"] {
            let text = format!("[[survey]]\nname = \"dp1\"\nprefixes = [\"{place}\"]");
            let error = load(&text).unwrap_err();
            assert!(
                error.contains(place) && error.contains("'.' or '..'"),
                "{error}"
            );
        }
        load("[[survey]]\nname = \"dp1\"\nprefixes = [\"m13/..a/b.\"]").unwrap();
    }

    #[test]
    fn a_survey_on_the_command_line_is_name_and_folder() {
        assert!("m13=./images".parse::<SurveySource>().is_ok());
        for bad in ["m13", "m13=", "=x", "M13=x"] {
            assert!(bad.parse::<SurveySource>().is_err(), "{bad}");
        }
    }
}
