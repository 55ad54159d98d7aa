//! How a type of the API describes itself: in JSON Schema for programs, in words for people.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skykey_types::{Access, Limits, LoginPorts, Secret, Timestamp};

/// A type that describes itself.
pub trait Described {
    /// Whether a field of this type may be missing or null.
    const OPTIONAL: bool = false;

    /// Returns its JSON Schema (draft 2020-12, as in OpenAPI 3.1); an object refers to its component.
    fn schema() -> Value;

    /// Returns its name in a table: `string`, `list of Survey`.
    fn words() -> String;

    /// Adds the objects that it consists of.
    fn collect(objects: &mut Objects);
}

/// Objects by name.
pub type Objects = BTreeMap<&'static str, Object>;

/// A JSON object.
#[derive(Debug, Clone)]
pub struct Object {
    /// What it is, in Markdown.
    pub doc: String,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// A field of a JSON object.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// What it is, in Markdown.
    pub doc: String,
    /// Its type in words.
    pub words: String,
    /// Its JSON Schema.
    pub schema: Value,
    /// Whether it may be missing or null.
    pub optional: bool,
}

/// Joins the lines of a documentation comment.
pub(crate) fn joined(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// Declares structs of the API together with their descriptions. A field whose name in JSON differs
/// from its own says so by `as "Name"`.
macro_rules! api_types {
    ($(
        $(#[doc = $doc:literal])+
        $(#[derive($($derive:ident),+)])?
        $(#[serde($($container:tt)*)])?
        pub struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])+
                $(#[serde($($attribute:tt)*)])?
                pub $field:ident: $type:ty $(as $wire:literal)?,
            )*
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        $(#[derive($($derive),+)])?
        $(#[serde($($container)*)])?
        pub struct $name {
            $(
                $(#[doc = $field_doc])+
                $(#[serde($($attribute)*)])?
                $(#[serde(rename = $wire)])?
                pub $field: $type,
            )*
        }

        impl $crate::Described for $name {
            fn schema() -> serde_json::Value {
                serde_json::json!({ "$ref": concat!("#/components/schemas/", stringify!($name)) })
            }

            fn words() -> String {
                format!("[`{0}`](#{1})", stringify!($name), stringify!($name).to_lowercase())
            }

            fn collect(objects: &mut $crate::Objects) {
                if objects.contains_key(stringify!($name)) {
                    return;
                }
                let object = $crate::Object {
                    doc: $crate::described::joined(&[$($doc),+]),
                    fields: vec![$($crate::Field {
                        name: [$($wire,)? stringify!($field)][0],
                        doc: $crate::described::joined(&[$($field_doc),+]),
                        words: <$type as $crate::Described>::words(),
                        schema: <$type as $crate::Described>::schema(),
                        optional: <$type as $crate::Described>::OPTIONAL,
                    }),*],
                };
                objects.insert(stringify!($name), object);
                $(<$type as $crate::Described>::collect(objects);)*
            }
        }
    )+};
}

pub(crate) use api_types;

/// Describes types without parts.
macro_rules! plain {
    ($($type:ty: $words:literal, $schema:tt;)+) => {$(
        impl Described for $type {
            fn schema() -> Value {
                json!($schema)
            }

            fn words() -> String {
                $words.to_owned()
            }

            fn collect(_: &mut Objects) {}
        }
    )+};
}

plain! {
    String: "string", { "type": "string" };
    bool: "true or false", { "type": "boolean" };
    u32: "number", { "type": "integer", "minimum": 0 };
    i64: "number", { "type": "integer" };
    Secret: "string, secret", { "type": "string", "format": "password" };
    Timestamp: "time, RFC 3339", { "type": "string", "format": "date-time" };
    Access: "`read` or `write`", { "type": "string", "enum": ["read", "write"] };
    LoginPorts: "`\"any\"`, or a list of ports", {
        "anyOf": [{ "const": "any" }, { "type": "array", "items": { "type": "integer", "maximum": 65535 } }]
    };
    Limits: "`{\"min\", \"max\"}`, seconds", {
        "type": "object",
        "properties": { "min": { "type": "integer" }, "max": { "type": "integer" } },
        "required": ["min", "max"]
    };
}

impl<T: Described> Described for Option<T> {
    const OPTIONAL: bool = true;

    fn schema() -> Value {
        json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }

    fn words() -> String {
        T::words()
    }

    fn collect(objects: &mut Objects) {
        T::collect(objects);
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }

    fn words() -> String {
        format!("list of {}", T::words())
    }

    fn collect(objects: &mut Objects) {
        T::collect(objects);
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }

    fn words() -> String {
        format!("object of {}", T::words())
    }

    fn collect(objects: &mut Objects) {
        T::collect(objects);
    }
}
