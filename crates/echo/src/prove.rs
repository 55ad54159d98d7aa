//! Trying what credentials can do.

use std::collections::BTreeSet;

use skykey_s3_client::operations::list_objects_v2::{self, ListOptions};
use skykey_s3_client::operations::{
    abort_multipart_upload, create_bucket, create_multipart_upload, delete_bucket, delete_object,
    delete_objects, head_object, version_id,
};
use skykey_s3_client::{ABOUT_CREDENTIALS, ErrorBody, Request};
use skykey_types::{BucketName, Credentials, Prefix, random_token};
use skykey_upstream::Answer;

use crate::interpret::interpret;
use crate::{Echo, EchoError, Operation, Proof, Reading, Trial, TrialOutcome, attempts};

/// What is proved.
#[derive(Debug, Clone)]
pub struct ProofPlan {
    /// The survey's places: readable, and not writable.
    pub prefixes: Vec<Prefix>,
    /// Whether the credentials must not be able to renew themselves: true for those with a session
    /// token, false for an EC2 credential, which may ask for session tokens.
    pub renewal_refused: bool,
    /// Credentials of the data's project, to take away what the proved ones could make and not take
    /// away again. Without them it is named in [`Proof::left`].
    pub tidy: Option<Credentials>,
}

/// Tries to read and to write with `credentials`. It takes some 15 requests for each prefix and
/// bucket, one after the other.
///
/// Nothing that was there before is changed, whatever the credentials may do: an object is put with a
/// digest that does not fit, copied on a condition that does not hold, a part is sent to an upload
/// that does not exist, what is deleted has a random name, ACLs and policies are set to nonsense.
/// A server that does it all the same is tidied up after at once.
///
/// Where no object is found, copying and setting an object's ACL are not tried: without an object
/// the answer says nothing.
pub async fn prove(echo: &Echo, credentials: &Credentials, plan: &ProofPlan) -> Proof {
    let mut prover = Prover {
        echo,
        credentials,
        tidy: plan.tidy.as_ref(),
        proof: Proof {
            reading: Reading::ListedEmpty,
            trials: Vec::new(),
            left: Vec::new(),
        },
    };
    if let Some(keys) = prover.read(&plan.prefixes).await {
        for (place, key) in plan.prefixes.iter().zip(keys) {
            prover.objects(place, key.as_deref()).await;
        }
        let buckets: BTreeSet<&BucketName> = plan.prefixes.iter().map(|p| &p.bucket).collect();
        for bucket in buckets {
            prover.bucket(bucket).await;
        }
        prover.create_bucket().await;
        if plan.renewal_refused {
            let answer = attempts::renew(echo, credentials).await;
            prover.note(Operation::GetSessionToken, "Echo".to_owned(), &answer);
        }
    }
    prover.proof
}

/// Whether every place can be listed, and the first object that is found be read. Nothing else is tried.
pub async fn read(echo: &Echo, credentials: &Credentials, places: &[Prefix]) -> Reading {
    let mut prover = Prover {
        echo,
        credentials,
        tidy: None,
        proof: Proof {
            reading: Reading::ListedEmpty,
            trials: Vec::new(),
            left: Vec::new(),
        },
    };
    prover.read(places).await;
    prover.proof.reading
}

struct Prover<'a> {
    echo: &'a Echo,
    credentials: &'a Credentials,
    tidy: Option<&'a Credentials>,
    proof: Proof,
}

impl Prover<'_> {
    /// Lists every place and reads the first object: the first key of each place, or `None` if it is
    /// no use to try to write.
    async fn read(&mut self, places: &[Prefix]) -> Option<Vec<Option<String>>> {
        if places.is_empty() {
            return self.hopeless("the survey has no prefixes".to_owned());
        }
        let mut keys = Vec::new();
        for place in places {
            let listed = self.send(&list_first(place)).await;
            let key = match self.judge_reading(&place.to_string(), listed) {
                Err(why) => return self.hopeless(why),
                Ok(None) => None,
                Ok(Some(answer)) => match first_key(&answer) {
                    Ok(key) => key,
                    Err(why) => return self.hopeless(format!("listing {place}: {why}")),
                },
            };
            if let (Some(key), Reading::ListedEmpty) = (&key, &self.proof.reading) {
                let object = format!("{}/{key}", place.bucket);
                let got = self.send(&attempts::first_byte(&place.bucket, key)).await;
                match self.judge_reading(&object, got) {
                    Err(why) => return self.hopeless(why),
                    Ok(None) => {}
                    Ok(Some(_)) => self.proof.reading = Reading::Read { object },
                }
            }
            keys.push(key);
        }
        Some(keys)
    }

    /// The answer if reading worked, nothing if it is refused (it is noted), why it is not known.
    fn judge_reading(
        &mut self,
        place: &str,
        answer: Result<Answer, EchoError>,
    ) -> Result<Option<Answer>, String> {
        let answer = answer.map_err(|error| error.to_string())?;
        let code = ErrorBody::parse(&answer.text()).code;
        match answer.status {
            // An empty object has no first byte.
            200 | 206 | 416 => Ok(Some(answer)),
            403 if !ABOUT_CREDENTIALS.contains(&code.as_str()) => {
                self.proof.reading = Reading::Refused {
                    place: place.to_owned(),
                    code: if code.is_empty() {
                        "403".to_owned()
                    } else {
                        code
                    },
                };
                Ok(None)
            }
            _ => Err(EchoError::refused("read what is there", &answer).to_string()),
        }
    }

    fn hopeless<T>(&mut self, why: String) -> Option<T> {
        self.proof.reading = Reading::Unclear { why };
        None
    }

    /// Tries to write below a prefix.
    async fn objects(&mut self, place: &Prefix, found: Option<&str>) {
        let bucket = &place.bucket;
        let at = place.to_string();
        let key = format!("{}.skykey-proof-{}", place.prefix, random_token(16));

        let mut writes = false;
        let put = self.send(&attempts::put_another_body(bucket, &key)).await;
        writes |= self.note(Operation::PutObject, at.clone(), &put);
        self.take_away(bucket, &key, &put).await;
        let part = self
            .send(&attempts::upload_part_to_nothing(bucket, &key))
            .await;
        writes |= self.note(Operation::UploadPart, at.clone(), &part);
        // Beginning an upload cannot be tried without beginning one; who may put may do that, too.
        if !writes {
            self.upload(bucket, &key, &at).await;
        }
        if let Some(found) = found {
            let copy = self
                .send(&attempts::copy_another_etag(bucket, found, &key))
                .await;
            self.note(Operation::CopyObject, at.clone(), &copy);
            self.take_away(bucket, &key, &copy).await;
            let acl = self.send(&attempts::put_object_acl(bucket, found)).await;
            self.note(Operation::PutObjectAcl, at.clone(), &acl);
        }
        let deleted = self.send(&delete_object::request(bucket, &key, None)).await;
        self.note(Operation::DeleteObject, at.clone(), &deleted);
        if let Some(marker) = deleted.as_ref().ok().and_then(version) {
            self.undo(
                format!("the delete marker {marker} of {bucket}/{key}"),
                &delete_object::request(bucket, &key, Some(&marker)),
            )
            .await;
        }
        let deleted = self
            .send(&delete_objects::request(bucket, [key.as_str()]))
            .await;
        self.note(Operation::DeleteObjects, at, &deleted);
        if let Some(marker) = deleted
            .as_ref()
            .ok()
            .and_then(delete_objects::delete_marker)
        {
            self.undo(
                format!("the delete marker {marker} of {bucket}/{key}"),
                &delete_object::request(bucket, &key, Some(&marker)),
            )
            .await;
        }
    }

    async fn upload(&mut self, bucket: &BucketName, key: &str, at: &str) {
        let begun = self
            .send(&create_multipart_upload::request(bucket, key))
            .await;
        self.note(Operation::CreateMultipartUpload, at.to_owned(), &begun);
        match &begun {
            Ok(answer) if answer.is_success() => {
                let what = format!("an upload of {bucket}/{key}");
                match create_multipart_upload::upload_id(answer) {
                    Some(id) => {
                        let abort = abort_multipart_upload::request(bucket, key, &id);
                        self.undo(what, &abort).await;
                    }
                    None => self.proof.left.push(what),
                }
            }
            answer if may_be_done(answer) => {
                let what = format!("perhaps an upload of {bucket}/{key}");
                self.proof.left.push(what);
            }
            _ => {}
        }
    }

    /// Tries what changes a whole bucket.
    async fn bucket(&mut self, bucket: &BucketName) {
        for (operation, request) in [
            (Operation::PutBucketAcl, attempts::put_bucket_acl(bucket)),
            (
                Operation::PutBucketPolicy,
                attempts::put_bucket_policy(bucket),
            ),
            (
                Operation::PutBucketLifecycle,
                attempts::put_bucket_lifecycle(bucket),
            ),
        ] {
            let answer = self.send(&request).await;
            self.note(operation, bucket.to_string(), &answer);
        }
    }

    async fn create_bucket(&mut self) {
        let name = format!("skykey-proof-{}", random_token(16).to_ascii_lowercase());
        let bucket: BucketName = name
            .parse()
            .expect("letters, digits and dashes, 29 of them, are a bucket's name");
        let made = self.send(&create_bucket::request(&bucket)).await;
        self.note(Operation::CreateBucket, "Echo".to_owned(), &made);
        if may_be_done(&made) {
            let what = format!("{}the bucket {bucket}", perhaps(&made));
            self.undo(what, &delete_bucket::request(&bucket)).await;
        }
    }

    /// Deletes an object that should not have come to be.
    async fn take_away(
        &mut self,
        bucket: &BucketName,
        key: &str,
        made: &Result<Answer, EchoError>,
    ) {
        if !may_be_done(made) {
            return;
        }
        let told = made.as_ref().ok().and_then(version);
        let version = match told {
            Some(version) => Some(version),
            None => self.version(bucket, key).await,
        };
        let request = delete_object::request(bucket, key, version.as_deref());
        let what = format!("{}the object {bucket}/{key}", perhaps(made));
        self.undo(what, &request).await;
    }

    /// The version of an object, if its bucket has versions. Deleting without it would leave both
    /// the version and a delete marker.
    async fn version(&self, bucket: &BucketName, key: &str) -> Option<String> {
        let request = head_object::request(bucket, key);
        for credentials in [Some(self.credentials), self.tidy].into_iter().flatten() {
            match self.echo.send(credentials, &request).await {
                Ok(answer) if answer.is_success() => return version(&answer),
                _ => {}
            }
        }
        None
    }

    /// Takes something away with the credentials that made it, else with the others.
    async fn undo(&mut self, what: String, request: &Request) {
        for credentials in [Some(self.credentials), self.tidy].into_iter().flatten() {
            match self.echo.send(credentials, request).await {
                Ok(answer) if answer.is_success() || answer.status == 404 => return,
                Ok(answer) => {
                    let error = EchoError::refused(request.action(), &answer);
                    tracing::debug!(what, %error, "not taken away");
                }
                Err(error) => tracing::debug!(what, %error, "not taken away"),
            }
        }
        tracing::warn!(what, "a proof left something behind");
        self.proof.left.push(what);
    }

    async fn send(&self, request: &Request) -> Result<Answer, EchoError> {
        self.echo.send(self.credentials, request).await
    }

    /// Notes what became of an attempt; whether it was allowed.
    fn note(
        &mut self,
        operation: Operation,
        place: String,
        answer: &Result<Answer, EchoError>,
    ) -> bool {
        let outcome = interpret(operation, answer);
        let allowed = outcome == TrialOutcome::Allowed;
        self.proof.trials.push(Trial {
            operation,
            place,
            outcome,
        });
        allowed
    }
}

/// A word for what may have been done and may not.
fn perhaps(answer: &Result<Answer, EchoError>) -> &'static str {
    if answer.as_ref().is_ok_and(Answer::is_success) {
        ""
    } else {
        "perhaps "
    }
}

/// Whether a request that should have been refused was, or may have been, carried out.
fn may_be_done(answer: &Result<Answer, EchoError>) -> bool {
    match answer {
        Ok(answer) => answer.is_success() || (answer.status >= 500 && answer.status != 501),
        Err(EchoError::NoAnswer(fault)) => {
            !matches!(fault, skykey_upstream::Fault::LeftAlone { .. })
        }
        Err(_) => false,
    }
}

/// A few of the first keys.
fn list_first(place: &Prefix) -> Request {
    let options = ListOptions {
        prefix: &place.prefix,
        max_keys: Some(10),
        ..ListOptions::default()
    };
    list_objects_v2::request(&place.bucket, &options)
}

/// The first key that can be asked for; `None` if there is nothing. A key with a segment `.` or `..`
/// cannot: on its way a URL loses such segments.
fn first_key(answer: &Answer) -> Result<Option<String>, String> {
    let keys = list_objects_v2::keys(answer)?;
    let has_dots = |key: &String| key.split('/').any(|segment| matches!(segment, "." | ".."));
    Ok(keys.into_iter().find(|key| !has_dots(key)))
}

/// The version that an answer says it made: in a versioned bucket deleting makes one, too.
fn version(answer: &Answer) -> Option<String> {
    version_id(&answer.headers).map(str::to_owned)
}
