//! The reference of the API is what the declarations say.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a failure")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use skykey_api::reference::{Examples, markdown, openapi};
use skykey_api::{
    AnyError, ContainerCredentials, ERRORS, IssuedLease, LeaseList, LeaseRequest, Me, Operation,
    Site, SurveyList,
};

const STALE_MESSAGE: &str = "stale; run `cargo run -p skykey-api --example reference`";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn example(operation: Operation) -> Value {
    serde_json::from_str(&read(&format!("recorded/{}.json", operation.id()))).unwrap()
}

fn examples() -> Examples {
    let all = Operation::ALL.into_iter();
    all.map(|operation| (operation.id().to_owned(), example(operation)))
        .collect()
}

#[test]
fn the_reference_is_what_the_declarations_say() {
    assert!(
        read("../../docs/api.md") == markdown(&examples()),
        "docs/api.md is {STALE_MESSAGE}"
    );
    let openapi = format!("{:#}\n", openapi(&examples()));
    let written = read("../../docs/api/openapi.json");
    assert!(
        written == openapi,
        "docs/api/openapi.json is {STALE_MESSAGE}"
    );
}

#[test]
fn every_operation_has_a_place_in_the_reference_and_a_recorded_example() {
    let document = openapi(&examples());
    let text = markdown(&examples());
    let mut ids = BTreeSet::new();
    for operation in Operation::ALL {
        assert!(ids.insert(operation.id()), "{operation:?} twice");
        let described = &document["paths"][operation.path()][operation.method().to_lowercase()];
        assert_eq!(described["operationId"], operation.id());
        let heading = format!("\n## `{} {}`\n", operation.method(), operation.path());
        assert!(text.contains(&heading), "{heading}");
        let recorded = example(operation)["response"]["status"].clone();
        assert_eq!(recorded, operation.status());
    }
    let paths = document["paths"].as_object().unwrap();
    let count: usize = paths
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!(count, Operation::ALL.len());
}

#[test]
fn every_code_of_an_operation_is_in_the_table_of_errors() {
    for operation in Operation::ALL {
        for code in operation.errors().iter().chain(operation.common_errors()) {
            assert!(
                ERRORS.iter().any(|error| error.code == *code),
                "{operation:?}: {code}"
            );
        }
    }
    assert!(ERRORS.is_sorted_by_key(|error| error.status));
}

#[test]
fn every_reference_to_a_type_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(target) if name == "$ref" => found.push(target.to_owned()),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = openapi(&examples());
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}

/// What was recorded goes through the types unchanged: they have every field, by its name.
#[test]
fn the_types_say_all_that_the_portal_says() {
    fn through<T: serde::Serialize + serde::de::DeserializeOwned>(value: &Value) -> Value {
        let typed: T = serde_json::from_value(value.clone()).unwrap();
        serde_json::to_value(typed).unwrap()
    }
    for operation in Operation::ALL {
        let body = &example(operation)["response"]["body"];
        let again = match operation {
            Operation::ShowSite => through::<Site>(body),
            Operation::ShowMe => through::<Me>(body),
            Operation::ListSurveys => through::<SurveyList>(body),
            Operation::ListLeases => through::<LeaseList>(body),
            Operation::IssueLease => through::<IssuedLease>(body),
            Operation::JupyterCredentials => through::<ContainerCredentials>(body),
            Operation::ReturnLease => {
                assert!(body.is_null());
                continue;
            }
        };
        assert_eq!(again, *body, "{operation:?}");
    }
    let request = &example(Operation::IssueLease)["request"]["body"];
    assert_eq!(through::<LeaseRequest>(request), *request);
}

#[test]
fn a_lifetime_is_a_number_or_digits_and_an_unknown_field_is_rejected() {
    for (text, digits) in [("3600", "3600"), ("\"3600\"", "3600"), ("36.5", "36.5")] {
        let body = format!("{{\"survey\":\"demo\",\"lifetime\":{text}}}");
        let request: LeaseRequest = serde_json::from_str(&body).unwrap();
        assert_eq!(request.lifetime.unwrap().into_text(), digits);
    }
    for body in [
        "{\"survey\":\"demo\",\"lifetime\":[]}",
        "{\"survey\":\"demo\",\"x\":1}",
        "{}",
    ] {
        assert!(
            serde_json::from_str::<LeaseRequest>(body).is_err(),
            "{body}"
        );
    }
}

#[test]
fn both_bodies_of_an_error_are_read() {
    let api =
        r#"{"error":{"code":"not_a_member","message":"no","hint":"ask","group":"lsst/readers"}}"#;
    let details = serde_json::from_str::<AnyError>(api)
        .unwrap()
        .into_details();
    assert_eq!(details.group.as_deref(), Some("lsst/readers"));
    let sentence = r#"{"code":"no_hub","message":"no hub"}"#;
    let details = serde_json::from_str::<AnyError>(sentence)
        .unwrap()
        .into_details();
    assert_eq!(
        (details.code.as_str(), details.hint.as_str()),
        ("no_hub", "")
    );
}
