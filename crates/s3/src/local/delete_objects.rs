//! [DeleteObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html): up to
//! 1,000 keys, each judged by itself.

use futures::StreamExt;
use http::Response;
use serde::Deserialize;
use skykey_store::Precondition;

use super::Local;
use crate::answer::{self, Body};
use crate::checksum::Verifier;
use crate::fault::{Code, Fault, Result};
use crate::front::rights::{no_right, no_such_version};
use crate::request::Request;
use crate::xml::{self, Writer};

/// The most keys of one request.
const MAX_KEYS: usize = 1000;
/// The largest body in bytes: 1,000 keys of 1,024 bytes.
const MAX_XML_BYTES: usize = 2 << 20;
/// How many objects are deleted at the same time.
const CONCURRENCY: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    #[serde(rename = "@xmlns", default)]
    _namespace: Option<String>,
    #[serde(rename = "Object", default)]
    objects: Vec<Object>,
    #[serde(rename = "Quiet", default)]
    quiet: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "VersionId", default)]
    version: Option<String>,
    #[serde(rename = "ETag", default)]
    etag: Option<String>,
}

pub(super) async fn answer(local: &Local, mut request: Request<'_>) -> Result<Response<Body>> {
    let body = request.body.read_all(MAX_XML_BYTES).await?;
    Verifier::check(request.headers, &body)?;
    let delete: Delete = xml::read("Delete", &body)?;
    if delete.objects.is_empty() || delete.objects.len() > MAX_KEYS {
        return Err(Fault::new(
            Code::MalformedXML,
            "a request deletes 1 to 1000 keys; send more in further requests",
        ));
    }
    let request = &request;
    let outcomes: Vec<(String, Result<()>)> = futures::stream::iter(delete.objects)
        .map(|object| async move {
            let outcome = delete_one(local, request, &object).await;
            (object.key, outcome)
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut xml = Writer::rooted("DeleteResult");
    for (key, outcome) in outcomes {
        match outcome {
            Ok(()) if delete.quiet => {}
            Ok(()) => {
                xml.open("Deleted");
                xml.text("Key", &key);
                xml.close("Deleted");
            }
            Err(fault) => {
                xml.open("Error");
                xml.text("Key", &key);
                xml.text("Code", fault.code.as_str());
                xml.text("Message", &fault.message);
                xml.close("Error");
            }
        }
    }
    Ok(answer::xml(xml.end("DeleteResult")))
}

async fn delete_one(local: &Local, request: &Request<'_>, object: &Object) -> Result<()> {
    if !request.principal.rights.write(request.bucket, &object.key) {
        return Err(no_right());
    }
    if object
        .version
        .as_deref()
        .is_some_and(|version| version != "null")
    {
        return Err(no_such_version());
    }
    let precondition = match &object.etag {
        None => Precondition::None,
        Some(etag) => Precondition::IfMatch(etag.trim_matches('"').to_owned()),
    };
    local
        .store
        .delete(request.bucket, &object.key, precondition)
        .await?;
    Ok(())
}
