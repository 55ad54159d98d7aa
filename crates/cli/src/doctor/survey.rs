//! A survey, from the lease to the first bytes.

use std::sync::Arc;

use bytes::Bytes;
use skykey_client::{Client, CredentialsRequest, GrantedLease};
use skykey_transfer::{
    CredentialsProvider, NoCredentials, ObjectAddress, ObjectError, Objects, ObjectsSettings,
};
use skykey_types::{AccessKeyId, Credentials, Prefix, SignedDuration, SurveyName, random_token};

use super::not_well;
use crate::at;
use skykey_checks::section::{Because, NotWell, Section, Seen};

/// Prefix of the names of objects that the check tries to write and must not be able to.
const PROBE: &str = "skykey-doctor-";
/// Length of the random part of that name: long enough that it never names an existing object.
const PROBE_NAME_CHARS: usize = 16;

/// One lease, and no other: what is looked at is this one.
#[derive(Debug)]
struct Only(Arc<Credentials>);

#[async_trait::async_trait]
impl CredentialsProvider for Only {
    async fn credentials(&self) -> Result<Arc<Credentials>, NoCredentials> {
        Ok(self.0.clone())
    }

    async fn after_refusal(&self, _: &AccessKeyId) -> Result<Arc<Credentials>, NoCredentials> {
        Ok(self.0.clone())
    }
}

pub(super) async fn examine(
    client: &Client,
    survey: &SurveyName,
    section: &Section,
    stored: &Result<(), Because>,
) {
    let named = |what: &str| format!("survey-{survey}-{what}");
    let lease = section
        .check(
            &named("lease"),
            &format!("there are no credentials for {survey}"),
            lease(client, survey),
        )
        .await;
    let store = match (&lease, stored) {
        (Ok(granted), Ok(())) => open(client, granted),
        (Err(because), _) | (_, Err(because)) => Err(because.clone()),
    };
    let found = section
        .check(
            &named("listed"),
            &format!("{survey} cannot be listed"),
            async {
                let (store, places) = store.as_ref()?;
                listed(store, places).await
            },
        )
        .await;
    let _ = section
        .check(&named("readable"), "", async {
            let (store, _) = store.as_ref()?;
            match found.as_ref()? {
                None => Ok(((), "there is nothing to read yet".to_owned())),
                Some(at) => readable(store, at).await,
            }
        })
        .await;
    let _ = section
        .check(&named("read-only"), "", async {
            let (store, places) = store.as_ref()?;
            read_only(store, places).await
        })
        .await;
    let _ = section
        .check(&named("time-left"), "", async {
            let granted = lease.as_ref()?;
            time_left(client, granted)
        })
        .await;
}

async fn lease(client: &Client, survey: &SurveyName) -> Seen<GrantedLease> {
    let wish = CredentialsRequest {
        survey: survey.clone(),
        lifetime: None,
    };
    let granted = client.credentials(&wish).await.map_err(|error| {
        not_well(
            &error,
            "'skykey whoami' shows your rights; if these are right, tell the people who run the portal",
        )
    })?;
    let lease = &granted.lease;
    let found = format!(
        "{}, by {} since {}",
        lease.id,
        lease.method,
        at(lease.issued)
    );
    Ok((granted, found))
}

fn open(client: &Client, granted: &GrantedLease) -> Result<(Objects, Vec<Prefix>), Because> {
    let place = &granted.place;
    let because = |why: &str| Because(format!("the portal's answer names {why}"));
    let endpoint = place
        .endpoint
        .parse()
        .map_err(|_| because("no address of an object store"))?;
    let prefixes: Result<Vec<Prefix>, _> = place.prefixes.iter().map(|text| text.parse()).collect();
    let prefixes = prefixes.map_err(|_| because("an invalid prefix"))?;
    let keys = Arc::new(Only(Arc::new(granted.credentials.clone())));
    let settings = ObjectsSettings {
        endpoint,
        region: place.region.clone(),
    };
    let store = Objects::new(settings, keys, client.clock().clone())
        .map_err(|error| Because(error.to_string()))?;
    Ok((store, prefixes))
}

/// The first object that there is, in the first place that has one.
async fn listed(store: &Objects, places: &[Prefix]) -> Seen<Option<ObjectAddress>> {
    let mut first = None;
    let mut said = Vec::new();
    for place in places {
        let at = ObjectAddress::from(place.clone());
        let page = store
            .list(&at, false)
            .next()
            .await
            .map_err(|error| refused(&error))?;
        let page = page.unwrap_or_default();
        said.push(format!("{at} ({})", some(page.objects.len())));
        let key = page.objects.into_iter().map(|object| object.key);
        // On its way a URL loses such segments.
        let mut key = key.filter(|key| !key.split('/').any(|part| matches!(part, "." | "..")));
        first = first.or_else(|| Some(at.with_key(key.next()?)));
    }
    Ok((first, format!("saw {}", said.join(", "))))
}

fn some(objects: usize) -> String {
    match objects {
        0 => "nothing there".to_owned(),
        1000.. => "1000 objects or more".to_owned(),
        1 => "1 object".to_owned(),
        number => format!("{number} objects"),
    }
}

async fn readable(store: &Objects, at: &ObjectAddress) -> Seen {
    let mut reading = store.read(at).await.map_err(|error| refused(&error))?;
    let first = reading.chunk().await.map_err(|error| refused(&error))?;
    let bytes = first.map_or(0, |bytes| bytes.len());
    Ok((
        (),
        format!("read the first {bytes} of {} bytes of {at}", reading.size()),
    ))
}

/// Tries to write an object of a name that nobody has.
async fn read_only(store: &Objects, places: &[Prefix]) -> Seen {
    let Some(place) = places.first() else {
        return Err(NotWell::failed(
            "the survey is nowhere",
            "tell the people who run the portal",
        ));
    };
    let name = format!("{PROBE}{}", random_token(PROBE_NAME_CHARS));
    let at = ObjectAddress {
        bucket: place.bucket.clone(),
        key: format!("{}{name}", place.prefix),
    };
    let body = Bytes::from_static(b"skykey doctor --me tries whether this is refused\n");
    match store.put(&at, body, true).await {
        Err(
            ObjectError::Refused { .. }
            | ObjectError::Failed {
                status: 405 | 501, ..
            },
        ) => Ok(((), "writing is refused".to_owned())),
        Err(error) => Err(refused(&error)),
        Ok(()) => {
            let left = match store.delete(&at).await {
                Ok(()) => "it is deleted again".to_owned(),
                Err(error) => format!("AND IT CANNOT BE DELETED ({error})"),
            };
            Err(NotWell::failed(
                format!("YOUR CREDENTIALS CAN WRITE: {at} was written, {left}"),
                "write nothing, and tell the people who run the portal now: readers must not be able to change the survey",
            ))
        }
    }
}

fn time_left(client: &Client, granted: &GrantedLease) -> Seen {
    let Some(end) = granted.credentials.expiration else {
        return Ok(((), "no end of its own".to_owned()));
    };
    let left = end.duration_since(client.clock().now());
    if left <= SignedDuration::ZERO {
        return Err(NotWell::failed(
            format!("ended {}", at(end)),
            "the portal does not answer, so there are no others; try again in a few minutes",
        ));
    }
    let minutes = left.as_mins();
    Ok((
        (),
        format!(
            "{} h {} min, then others by themselves",
            minutes / 60,
            minutes % 60
        ),
    ))
}

fn refused(error: &ObjectError) -> NotWell {
    let remedy = match error {
        ObjectError::NoAnswer(_) => "see that this machine is online; try again in a few minutes".to_owned(),
        ObjectError::Refused { message, .. } if message.is_empty() => {
            "end the lease with 'skykey revoke LEASE' ('skykey leases' names it) and try again; if it stays, tell the people who run the portal".to_owned()
        }
        error => error.hint(),
    };
    let remedy = if remedy.is_empty() || remedy.contains("doctor --me") {
        "try again in a few minutes; if it stays, tell the people who run the portal".to_owned()
    } else {
        remedy
    };
    NotWell::failed(error.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::extract::State;
    use axum::http::{Method, StatusCode, Uri};
    use skykey_types::{Secret, SystemClock};
    use tokio::net::TcpListener;

    use super::*;

    type SeenRequests = Arc<Mutex<Vec<String>>>;

    /// A store that answers a PUT and a DELETE so.
    async fn store(put: u16, delete: u16) -> (Objects, SeenRequests) {
        let seen = SeenRequests::default();
        let answer = async move |State(seen): State<SeenRequests>, method: Method, uri: Uri| {
            seen.lock()
                .unwrap()
                .push(format!("{method} {}", uri.path()));
            let status = if method == Method::PUT { put } else { delete };
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().fallback(answer).with_state(seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let keys = Only(Arc::new(Credentials {
            access_key_id: AccessKeyId::new("ak"),
            secret_access_key: Secret::new("secret"),
            session_token: None,
            expiration: None,
        }));
        let settings = ObjectsSettings {
            endpoint: endpoint.parse().unwrap(),
            region: "us-east-1".to_owned(),
        };
        let objects = Objects::new(settings, Arc::new(keys), Arc::new(SystemClock)).unwrap();
        (objects, seen)
    }

    async fn tried(put: u16, delete: u16) -> (Result<String, (String, String)>, Vec<String>) {
        let (store, seen) = store(put, delete).await;
        let outcome = match read_only(&store, &["m13/fields/".parse().unwrap()]).await {
            Ok(((), found)) => Ok(found),
            Err(NotWell::Failed { found, remedy }) => Err((found, remedy)),
            Err(NotWell::Skipped(because)) => panic!("{because:?}"),
        };
        let seen = seen.lock().unwrap().clone();
        (outcome, seen)
    }

    #[tokio::test]
    async fn a_store_that_lets_readers_write_is_said_loudly_and_what_was_written_goes() {
        let (outcome, seen) = tried(200, 204).await;
        let (found, remedy) = outcome.unwrap_err();
        assert!(found.contains("YOUR CREDENTIALS CAN WRITE"), "{found}");
        assert!(found.contains("it is deleted again"), "{found}");
        assert!(
            remedy.contains("tell the people who run the portal now"),
            "{remedy}"
        );
        let [put, delete] = seen.as_slice() else {
            panic!("{seen:?}")
        };
        let path = put.strip_prefix("PUT ").unwrap();
        assert!(path.starts_with("/m13/fields/skykey-doctor-"), "{path}");
        assert_eq!(delete, &format!("DELETE {path}"));
    }

    #[tokio::test]
    async fn what_cannot_be_taken_away_again_is_named() {
        let (outcome, _) = tried(200, 403).await;
        let (found, _) = outcome.unwrap_err();
        assert!(found.contains("s3://m13/fields/skykey-doctor-"), "{found}");
        assert!(found.contains("CANNOT BE DELETED"), "{found}");
    }

    #[tokio::test]
    async fn only_a_refusal_is_well() {
        assert_eq!(tried(403, 204).await.0.unwrap(), "writing is refused");
        for status in [400, 404, 503] {
            let (outcome, seen) = tried(status, 204).await;
            assert!(outcome.is_err(), "{status}");
            assert!(seen.iter().all(|line| line.starts_with("PUT")), "{seen:?}");
        }
    }
}
