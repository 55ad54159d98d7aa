//! The people of the embedded IAM, and the groups that the surveys name.

use std::collections::BTreeSet;

use skykey_embedded::{GroupSeed, PersonSeed, Seed};
use skykey_types::{GroupPath, Survey};

use super::state_dir::Secrets;

/// Who there is, and what each is.
pub(super) const CAST: [(&str, &str, &str); 4] = [
    ("alice", "Alice Lovelace", "an astronomer, in no group yet"),
    ("bob", "Bob Noyce", "reads every survey"),
    ("carol", "Carol Herschel", "curates every survey"),
    ("olive", "Olive Gates", "manages the groups"),
];

/// Groups and people to begin with.
pub(super) fn seed(surveys: &[Survey], secrets: &Secrets) -> Seed {
    let mut groups = Vec::new();
    for survey in surveys {
        let readers = survey.readers.iter().map(|group| (group, "readers"));
        let curators = survey.curators.iter().map(|group| (group, "curators"));
        for (group, what) in readers.chain(curators) {
            groups.push(GroupSeed {
                path: group.clone(),
                description: format!("The {what} of {}", survey.title),
            });
        }
    }
    let all = |of: fn(&Survey) -> &Vec<GroupPath>| -> BTreeSet<GroupPath> {
        surveys
            .iter()
            .flat_map(|survey| of(survey).iter().cloned())
            .collect()
    };
    let readers = all(|survey| &survey.readers);
    let curators = all(|survey| &survey.curators);
    let people = CAST
        .iter()
        .map(|(username, name, is)| {
            let (given_name, family_name) = name.split_once(' ').unwrap_or((name, ""));
            PersonSeed {
                username: (*username).to_owned(),
                given_name: given_name.to_owned(),
                family_name: family_name.to_owned(),
                email: format!("{username}@example.org"),
                is: (*is).to_owned(),
                password: secrets.of(username),
                groups: match *username {
                    "bob" => readers.clone(),
                    "carol" => curators.clone(),
                    _ => BTreeSet::new(),
                },
                manages: match *username {
                    "olive" => readers.union(&curators).cloned().collect(),
                    _ => BTreeSet::new(),
                },
            }
        })
        .collect();
    Seed { groups, people }
}
