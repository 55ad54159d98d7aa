//! The reference of the API, made of the declarations: Markdown for people, OpenAPI 3.1 for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{Caller, ERRORS, ErrorBody, Objects, Operation, SentenceError};
use crate::{Described, described::joined};

/// Examples by [`Operation::id`], as a test recorded them at a running portal:
/// `{"request": {"path", "headers", "body"}, "response": {"status", "headers", "body"}}`.
pub type Examples = BTreeMap<String, Value>;

const INTRODUCTION: &str = "\
# The portal's API

Generated from `crates/api` by `cargo run -p skykey-api --example reference`; do not edit. Programs read
[`api/openapi.json`](api/openapi.json). The [guide](guide.md#way-3-the-portal) shows a first request, and how to
get a token.

- Addresses are relative to the portal's own, which `skykey up` prints and `up.json` names as `portal`.
- Bodies are JSON. A request is at most 64 KiB long. A lease request with an unknown field is rejected.
- Times are in UTC, in RFC 3339. Lifetimes are in seconds.
- Clients ignore fields that they do not know: later versions add some.
- Responses carry `Cache-Control: no-store`. Credentials are shown once, when they are issued.

| caller | what the request carries |
|---|---|
| everybody | no token |
| a person | `Authorization: Bearer TOKEN`, an access token of the IAM |
| a machine | `X-Auth-Token: TOKEN`, a Keystone token that was made with a restricted application credential; it acts for the credential's owner, and only reads |
| a notebook server | `Authorization: Bearer TOKEN` (or `token TOKEN`), the server's own token of its JupyterHub |

";

/// Returns `docs/api.md`.
pub fn markdown(examples: &Examples) -> String {
    let mut text = INTRODUCTION.to_owned();
    text += "| operation | what it does |\n|---|---|\n";
    for operation in Operation::ALL {
        let first = operation.doc().split(". ").next().unwrap_or_default();
        let heading = heading(operation);
        let _ = writeln!(
            text,
            "| [`{heading}`](#{}) | {} |",
            anchor(&heading),
            first.trim_end_matches('.')
        );
    }
    for operation in Operation::ALL {
        one_operation(&mut text, operation, examples.get(operation.id()));
    }
    text += "\n# Types\n";
    for (name, object) in &objects() {
        let _ = write!(text, "\n## {name}\n\n{}\n\n", object.doc);
        text += "| field | type | what it is |\n|---|---|---|\n";
        for field in &object.fields {
            let optional = if field.optional { ", optional" } else { "" };
            let _ = writeln!(
                text,
                "| `{}` | {}{optional} | {} |",
                field.name, field.words, field.doc
            );
        }
    }
    text += "\n# Errors\n\n\
        An error's body is [`ErrorBody`](#errorbody); for notebook servers [`SentenceError`](#sentenceerror). The \
        `message` says what went wrong, the `hint` what to do in this case.\n\n\
        | status | code | when | next step |\n|---|---|---|---|\n";
    for error in ERRORS {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} |",
            error.status, error.code, error.when, error.next
        );
    }
    text
}

fn heading(operation: Operation) -> String {
    format!("{} {}", operation.method(), operation.path())
}

/// The anchor that Markdown renderers give to a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => Some(c),
            _ => None,
        })
        .collect()
}

fn one_operation(text: &mut String, operation: Operation, example: Option<&Value>) {
    let _ = write!(
        text,
        "\n## `{}`\n\n{}\n\n",
        heading(operation),
        operation.doc()
    );
    let _ = writeln!(text, "- Caller: {}.", caller_words(operation.caller()));
    for parameter in operation.parameters() {
        let _ = writeln!(
            text,
            "- Parameter in the {}: `{}`. {}",
            parameter.place, parameter.name, parameter.doc
        );
    }
    if let Some(request) = operation.request() {
        let _ = writeln!(text, "- Request: {}.", (request.words)());
    }
    let status = operation.status();
    match operation.response() {
        Some(response) => {
            let _ = writeln!(text, "- Response: {status}, {}.", (response.words)());
        }
        None => {
            let _ = writeln!(text, "- Response: {status}, no body.");
        }
    }
    let codes: Vec<String> = [operation.errors(), operation.common_errors()]
        .concat()
        .iter()
        .map(|code| format!("`{code}`"))
        .collect();
    let _ = writeln!(text, "- [Errors](#errors): {}.", codes.join(", "));
    if let Some(example) = example {
        let request = &example["request"];
        let path = request["path"].as_str().unwrap_or_default();
        let first = format!("{} {path}", operation.method());
        text.push('\n');
        http(text, &first, request);
        let response = &example["response"];
        let first = format!("HTTP/1.1 {}", response["status"]);
        text.push('\n');
        http(text, &first, response);
    }
}

/// Writes one message of HTTP.
fn http(text: &mut String, first: &str, message: &Value) {
    let _ = writeln!(text, "```http\n{first}");
    for (name, value) in message["headers"].as_object().into_iter().flatten() {
        let _ = writeln!(text, "{name}: {}", value.as_str().unwrap_or_default());
    }
    if let Some(body) = message.get("body").filter(|body| !body.is_null()) {
        let _ = writeln!(text, "\n{body:#}");
    }
    text.push_str("```\n");
}

fn caller_words(caller: Caller) -> &'static str {
    match caller {
        Caller::Everybody => "everybody",
        Caller::Person => "a person",
        Caller::PersonOrMachine => "a person or a machine",
        Caller::NotebookServer => "a notebook server",
    }
}

/// All objects that requests and responses consist of.
fn objects() -> Objects {
    let mut objects = Objects::new();
    for operation in Operation::ALL {
        for part in [operation.request(), operation.response()]
            .into_iter()
            .flatten()
        {
            (part.collect)(&mut objects);
        }
    }
    ErrorBody::collect(&mut objects);
    SentenceError::collect(&mut objects);
    objects
}

/// Returns `docs/api/openapi.json`.
pub fn openapi(examples: &Examples) -> Value {
    let mut paths = Map::new();
    for operation in Operation::ALL {
        let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
        path[operation.method().to_lowercase()] =
            openapi_operation(operation, examples.get(operation.id()));
    }
    let schemas: Map<String, Value> = objects()
        .into_iter()
        .map(|(name, object)| {
            let required: Vec<&str> = object
                .fields
                .iter()
                .filter(|field| !field.optional)
                .map(|field| field.name)
                .collect();
            let properties: Map<String, Value> = object
                .fields
                .iter()
                .map(|field| (field.name.to_owned(), described(&field.schema, &field.doc)))
                .collect();
            let schema = json!({
                "type": "object", "description": object.doc, "properties": properties, "required": required,
            });
            (name.to_owned(), schema)
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "skykey",
            "description": "Short-lived, read-only S3 credentials for surveys. Generated from crates/api.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{ "url": "/", "description": "the portal" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "iam": { "type": "http", "scheme": "bearer", "description": "An access token of the IAM." },
                "keystone": {
                    "type": "apiKey", "in": "header", "name": "X-Auth-Token",
                    "description": "A Keystone token that was made with a restricted application credential.",
                },
                "jupyterhub": {
                    "type": "http", "scheme": "bearer",
                    "description": "A notebook server's own token of its JupyterHub.",
                },
            },
        },
    })
}

fn described(schema: &Value, doc: &str) -> Value {
    let mut schema = schema.clone();
    schema["description"] = json!(joined(&[doc]));
    schema
}

fn openapi_operation(operation: Operation, example: Option<&Value>) -> Value {
    let content = |schema: Value, example: Option<&Value>| {
        let mut content = json!({ "schema": schema });
        if let Some(example) = example.filter(|example| !example.is_null()) {
            content["example"] = example.clone();
        }
        json!({ "application/json": content })
    };
    let mut responses = Map::new();
    let mut success = json!({ "description": "Success." });
    if let Some(response) = operation.response() {
        let example = example.map(|example| &example["response"]["body"]);
        success["content"] = content((response.schema)(), example);
    }
    responses.insert(operation.status().to_string(), success);
    let body = match operation.caller() {
        Caller::NotebookServer => SentenceError::schema(),
        Caller::Everybody | Caller::Person | Caller::PersonOrMachine => ErrorBody::schema(),
    };
    let codes = [operation.errors(), operation.common_errors()].concat();
    for error in ERRORS.iter().filter(|error| codes.contains(&error.code)) {
        let words = format!("`{}`: {}", error.code, error.when);
        let response = responses.entry(error.status.to_string()).or_insert_with(
            || json!({ "description": "", "content": content(body.clone(), None) }),
        );
        let so_far = response["description"].as_str().unwrap_or_default();
        let blank = if so_far.is_empty() { "" } else { " " };
        response["description"] = json!(format!("{so_far}{blank}{words}"));
    }
    let parameters: Vec<Value> = operation
        .parameters()
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name, "in": parameter.place, "description": parameter.doc,
                "required": parameter.place == "path", "schema": { "type": "string" },
            })
        })
        .collect();
    let security = match operation.caller() {
        Caller::Everybody => json!([]),
        Caller::Person => json!([{ "iam": [] }]),
        Caller::PersonOrMachine => json!([{ "iam": [] }, { "keystone": [] }]),
        Caller::NotebookServer => json!([{ "jupyterhub": [] }]),
    };
    let mut described = json!({
        "operationId": operation.id(),
        "description": operation.doc(),
        "security": security,
        "responses": responses,
    });
    if !parameters.is_empty() {
        described["parameters"] = json!(parameters);
    }
    if let Some(request) = operation.request() {
        let example = example.map(|example| &example["request"]["body"]);
        described["requestBody"] =
            json!({ "required": true, "content": content((request.schema)(), example) });
    }
    described
}
