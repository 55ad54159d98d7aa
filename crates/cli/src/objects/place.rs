//! Which survey an address belongs to.

use anyhow::bail;
use skykey_client::Survey;
use skykey_transfer::ObjectAddress;
use skykey_types::{Prefix, SurveyName};

use crate::listed;

/// The survey that the address lies in: the one with the longest prefix, of those that may be read.
pub(super) fn survey_at(surveys: &[Survey], at: &ObjectAddress) -> anyhow::Result<SurveyName> {
    let mut covering: Vec<(usize, &Survey)> = surveys
        .iter()
        .flat_map(|survey| places(survey).map(move |place| (place, survey)))
        .filter(|(place, _)| place.covers(at.bucket.as_str(), &at.key))
        .map(|(place, survey)| (place.prefix.len(), survey))
        .collect();
    if covering.is_empty() {
        let known: Vec<String> = surveys
            .iter()
            .flat_map(|survey| {
                survey
                    .prefixes
                    .iter()
                    .map(|prefix| format!("s3://{prefix}"))
            })
            .collect();
        bail!(
            "{at} belongs to no survey; they are at {}, and 'skykey ls' lists them",
            listed(&known)
        );
    }
    if !covering.iter().any(|(_, survey)| survey.access.is_some()) {
        let (_, survey) = covering[0];
        let Some(group) = survey.readers.first() else {
            bail!("{at} belongs to {}, which nobody may read", survey.name);
        };
        bail!(
            "{at} belongs to {}, which is for members of {}; to ask, run 'skykey request {group} --note \"…\"'",
            survey.name,
            survey.readers.join(" or ")
        );
    }
    covering.retain(|(_, survey)| survey.access.is_some());
    let longest = covering.iter().map(|(length, _)| *length).max();
    covering.retain(|(length, _)| Some(*length) == longest);
    covering.dedup_by(|a, b| a.1.name == b.1.name);
    let [(_, survey)] = covering.as_slice() else {
        let names: Vec<&str> = covering
            .iter()
            .map(|(_, survey)| survey.name.as_str())
            .collect();
        bail!(
            "{at} belongs to several surveys: {}; choose one with --survey",
            listed(&names)
        );
    };
    Ok(survey.name.parse()?)
}

/// The places of surveys that lie below the address without covering it: what there is to see above them.
pub(super) fn below(surveys: &[Survey], at: &ObjectAddress) -> Vec<ObjectAddress> {
    let mut found: Vec<ObjectAddress> = surveys
        .iter()
        .filter(|survey| survey.access.is_some())
        .flat_map(places)
        .filter(|place| place.bucket == at.bucket && place.prefix.starts_with(&at.key))
        .map(ObjectAddress::from)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Whether the address lies in a survey.
pub(super) fn is_covered(surveys: &[Survey], at: &ObjectAddress) -> bool {
    surveys
        .iter()
        .flat_map(places)
        .any(|place| place.covers(at.bucket.as_str(), &at.key))
}

fn places(survey: &Survey) -> impl Iterator<Item = Prefix> {
    survey.prefixes.iter().filter_map(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(name: &str, prefixes: &[&str], access: bool) -> Survey {
        let access = if access { "\"read\"" } else { "null" };
        let text = format!(
            "{{\"name\":\"{name}\",\"title\":\"x\",\"access\":{access},\"methods\":[],\"lifetime\":{{\"min\":3600,\"max\":43200}},\
             \"prefixes\":{prefixes:?},\"readers\":[\"{name}/readers\"]}}"
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_longest_prefix_that_may_be_read_wins() {
        let surveys = [
            survey("all", &["lsst/"], true),
            survey("dp1", &["lsst/dp1/", "more/"], true),
            survey("dp1-secret", &["lsst/dp1/secret/"], false),
            survey("twin-a", &["twin/"], true),
            survey("twin-b", &["twin/"], true),
        ];
        let found = |text: &str| {
            survey_at(&surveys, &text.parse().unwrap())
                .map(|name| name.to_string())
                .map_err(|error| error.to_string())
        };
        assert_eq!(found("s3://lsst/dp1/a.fits").unwrap(), "dp1");
        assert_eq!(found("s3://lsst/dp1").unwrap(), "all");
        assert_eq!(found("s3://more/a").unwrap(), "dp1");
        assert_eq!(found("s3://lsst/dp1/secret/a").unwrap(), "dp1");
        assert!(
            found("s3://twin/a")
                .unwrap_err()
                .contains("twin-a, twin-b; choose one with --survey")
        );
        assert!(
            found("s3://elsewhere/a")
                .unwrap_err()
                .contains("s3://lsst/, s3://lsst/dp1/")
        );
        let only = [survey("m13", &["m13/"], false)];
        let error = survey_at(&only, &"s3://m13/a".parse().unwrap()).unwrap_err();
        assert!(
            error.to_string().contains("skykey request m13/readers"),
            "{error}"
        );
    }

    #[test]
    fn above_the_surveys_their_places_are_seen() {
        let surveys = [
            survey("dp1", &["lsst/dp1/"], true),
            survey("dp2", &["lsst/dp2/"], false),
        ];
        let at: ObjectAddress = "s3://lsst/".parse().unwrap();
        assert!(!is_covered(&surveys, &at));
        let found: Vec<String> = below(&surveys, &at)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, ["s3://lsst/dp1/"]);
    }
}
