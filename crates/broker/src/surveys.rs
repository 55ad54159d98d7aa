//! The surveys on offer, found by name or by project.

use std::sync::Arc;

use skykey_types::{Access, ProjectName, Survey, SurveyName};

/// All surveys, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Surveys(Arc<[Arc<Survey>]>);

/// Surveys that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SurveysError {
    /// There is none.
    #[error("no survey is configured; add a [[survey]] or start with --survey NAME=DIR")]
    None,
    /// Two of one name.
    #[error("two surveys are called '{0}'; give one of them another name")]
    SameName(SurveyName),
    /// A project cannot tell which survey is meant.
    #[error(
        "the project '{0}' is named twice; an EC2 credential names only its project, so each survey needs a data project and a readers' project of its own"
    )]
    SameProject(ProjectName),
}

impl Surveys {
    /// Takes surveys whose names and projects are all different.
    pub fn new(surveys: Vec<Survey>) -> Result<Self, SurveysError> {
        if surveys.is_empty() {
            return Err(SurveysError::None);
        }
        let mut names = std::collections::BTreeSet::new();
        let mut projects = std::collections::BTreeSet::new();
        for survey in &surveys {
            if !names.insert(&survey.name) {
                return Err(SurveysError::SameName(survey.name.clone()));
            }
            for project in [&survey.data_project, &survey.readers_project] {
                if !projects.insert(project) {
                    return Err(SurveysError::SameProject(project.clone()));
                }
            }
        }
        Ok(Self(surveys.into_iter().map(Arc::new).collect()))
    }

    /// Every survey.
    pub fn iter(&self) -> impl Iterator<Item = &Survey> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The survey of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<Survey>> {
        self.0.iter().find(|survey| survey.name.as_str() == name)
    }

    /// The survey whose role in the object store this is, and how far it goes. A role of several, or of
    /// both accesses, is nobody's: it would not say what is wanted.
    pub fn of_role(&self, arn: &str) -> Option<(&Arc<Survey>, Access)> {
        let mut found = self.0.iter().flat_map(|survey| {
            [Access::Read, Access::Write]
                .into_iter()
                .filter(|access| {
                    survey
                        .roles
                        .of(*access)
                        .is_some_and(|role| role.as_str() == arn)
                })
                .map(move |access| (survey, access))
        });
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// The survey that an EC2 credential of `project` belongs to, and how far it goes.
    pub fn of_project(&self, project: &str) -> Option<(&Arc<Survey>, Access)> {
        self.0.iter().find_map(|survey| {
            survey
                .access_of_project(project)
                .map(|access| (survey, access))
        })
    }
}
