//! `GET /jupyter/credentials`: S3 credentials for notebook servers.
//!
//! It implements the container credentials protocol of the AWS SDKs: 200 with `AccessKeyId`,
//! `SecretAccessKey`, `Token` and `Expiration`. Any other response is a failure. botocore shows its body
//! to the person, so the body is one line of JSON with a sentence in it. The bearer is the server's own
//! token of its JupyterHub: the hub identifies the person, and the IAM knows their groups.
//!
//! botocore waits two seconds, then closes the connection and asks again. So the work of a request
//! continues after that, or a slow request would never finish. While a system is down or slow, a server
//! gets the same credentials again.
//!
//! | parameter | what |
//! |---|---|
//! | `survey` | the survey; by default the configured one, else the only one that the person may read |
//!
//! Two headers of a 200 are for clients that named no survey: `Skykey-Survey` has its name, and
//! `Skykey-Places` the prefixes of its objects, each `bucket/prefix`, percent-encoded, separated by
//! blanks.

mod known;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{self, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use skykey_api::ContainerCredentials;
use skykey_broker::{Caller, Denied, HandedOut, Issued, LeaseRequest};
use skykey_hub::{Hub, HubName, HubUser};
use skykey_serve::{ClientAddr, WrongTokens};
use skykey_types::{Lifetime, Method, RequestId, Secret, Survey, SurveyName};
use skykey_upstream::SingleFlight;

use crate::Portal;
use crate::error::Problem;
use crate::request_id::OfRequest;

/// How long a server that has credentials waits for new ones; clients give up after 2 s.
const RENEWAL_PATIENCE: Duration = Duration::from_millis(1500);
/// How long a server that has none waits: nearly as long as a client does, so that it learns why there
/// are none instead of hanging up. The work goes on, and is done when it asks again.
const FIRST_PATIENCE: Duration = Duration::from_millis(1800);
const OPERATION: &str = "hand out credentials to a notebook server";

/// What notebook servers of the hub receive.
#[derive(Debug, Clone)]
pub struct JupyterSettings {
    /// What the hub's user names are.
    pub user: HubName,
    /// Whether to accept tokens that are not a notebook server's own.
    pub any_token: bool,
    /// The survey of requests that name none.
    pub survey: Option<SurveyName>,
    /// How long leases last; by default the survey's shortest.
    pub lifetime: Option<Lifetime>,
    /// The method; by default the survey's first except `ec2`, which needs a login.
    pub method: Option<Method>,
}

/// State between requests.
#[derive(Default)]
pub(crate) struct Memory {
    known: known::KnownTokens,
    /// Requests under way, by token and survey.
    requests: SingleFlight<(TokenHash, Option<String>), Result<Arc<Issued>, Problem>>,
    wrong: WrongTokens,
}

/// The SHA-256 of a token, by which it is cached.
type TokenHash = [u8; 32];

/// What a request asks for.
#[derive(Clone, Deserialize)]
pub(crate) struct Query {
    survey: Option<String>,
}

/// In which survey's name.
const SURVEY: &str = "skykey-survey";
/// The response header with the survey's prefixes.
const PREFIXES: &str = "skykey-places";
/// The characters of a prefix to encode: those that are invalid in a header, and the separator.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

pub(crate) async fn credentials(
    State(portal): State<Arc<Portal>>,
    client: Option<Extension<ClientAddr>>,
    OfRequest(id): OfRequest,
    headers: HeaderMap,
    extract::Query(query): extract::Query<Query>,
) -> Response {
    let client = client.map(|Extension(client)| client);
    let mut response = match answer(&portal, client, &id, &headers, &query).await {
        Ok((survey, credentials)) => {
            let headers = [
                (SURVEY, survey.to_string()),
                (PREFIXES, encoded_prefixes(&portal, &survey)),
            ];
            (headers, Json(credentials)).into_response()
        }
        Err(problem) => problem.in_a_sentence(),
    };
    // A server asks again after half an hour; hundreds of idle connections from one address would
    // block others.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// Returns the survey's prefixes, percent-encoded, separated by blanks.
fn encoded_prefixes(portal: &Portal, survey: &SurveyName) -> String {
    let mut surveys = portal.broker.surveys().iter();
    let survey = surveys.find(|known| known.name == *survey);
    let prefixes = survey.map_or(&[][..], |survey| &survey.prefixes);
    let prefixes: Vec<String> = prefixes
        .iter()
        .map(|prefix| utf8_percent_encode(&prefix.to_string(), ENCODED).to_string())
        .collect();
    prefixes.join(" ")
}

async fn answer(
    portal: &Arc<Portal>,
    client: Option<ClientAddr>,
    id: &RequestId,
    headers: &HeaderMap,
    query: &Query,
) -> Result<(SurveyName, ContainerCredentials), Problem> {
    let Some((hub, settings)) = portal.settings.jupyter.clone() else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no_hub",
            "no JupyterHub is configured here",
            "the operators of this portal can add [jupyterhub] to its configuration",
        ));
    };
    let token = bearer(headers)?;
    let hash: TokenHash = digest(&SHA256, token.expose().as_bytes())
        .as_ref()
        .try_into()
        .expect("a SHA-256 has 32 bytes");
    let now = portal.broker.clock().now();
    let tokens = &portal.jupyter.known;
    let known = tokens.has_lease(&hash, query, now);
    // Servers of a hub may share an address: one that sends wrong tokens keeps no other from what it has.
    if let (Some(client), false) = (client, known) {
        portal.jupyter.wrong.admit(client, now)?;
    }
    let request = Request {
        id: id.clone(),
        client,
        token,
        hash,
        query: query.clone(),
    };
    // The work continues if the client hangs up, and ends before the database closes.
    let key = (hash, query.survey.clone());
    let requests = &portal.jupyter.requests;
    let asking = requests.run(OPERATION, key, || {
        let work = portal.clone();
        let task = portal
            .broker
            .spawn(async move { hand_out(&work, &hub, &settings, request).await });
        // A task that panicked has no outcome.
        async move { task.await.unwrap_or_else(|_| Err(late())) }
    });
    let patience = if known {
        RENEWAL_PATIENCE
    } else {
        FIRST_PATIENCE
    };
    let outcome = tokio::time::timeout(patience, asking).await.ok();
    let trouble = match outcome {
        Some(Ok(Ok(issued))) => return shown(&issued),
        Some(Ok(Err(problem))) if !problem.status.is_server_error() => return Err(problem),
        Some(Ok(Err(problem))) => problem,
        // The task failed, or is not done yet.
        Some(Err(_)) | None => late(),
    };
    // A system's trouble is no word about the person.
    match tokens.hand_out_again(portal, &hash, query, id).await {
        Some(outcome) => outcome.and_then(|issued| shown(&issued)),
        None => Err(trouble),
    }
}

/// A request, as its task owns it.
struct Request {
    id: RequestId,
    client: Option<ClientAddr>,
    token: Secret,
    hash: TokenHash,
    query: Query,
}

/// Identifies the person, issues or reuses a lease, and caches the result, or counts a wrong token.
async fn hand_out(
    portal: &Portal,
    hub: &Hub,
    settings: &JupyterSettings,
    request: Request,
) -> Result<Arc<Issued>, Problem> {
    let Request {
        id,
        client,
        token,
        hash,
        query,
    } = request;
    let user = match hub.user(&token).await {
        Ok(Some(user)) => user,
        Ok(None) => {
            portal.jupyter.known.forget(&hash);
            if let Some(client) = client {
                let now = portal.broker.clock().now();
                portal.jupyter.wrong.count(client, &token, now);
            }
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "JupyterHub does not know this token: a token ends with its notebook server",
                "start the server again",
            ));
        }
        Err(error) => {
            tracing::warn!(%error, "JupyterHub failed");
            return Err(hub_away());
        }
    };
    check_token(settings, &user)?;
    let caller = caller(portal, settings, &user).await?;
    let request = lease_request(portal, settings, &caller, query.survey.as_deref()).await?;
    let outcome = portal.broker.hand_out(&caller, &request, &id).await;
    let issued = explained(portal, &caller, outcome).await?;
    tracing::debug!(user = user.name, lease = %issued.lease.id, "handed out to a notebook server");
    let now = portal.broker.clock().now();
    let (tokens, lease) = (&portal.jupyter.known, issued.lease.clone());
    tokens.keep(hash, query.survey, caller, request, lease, now);
    Ok(issued)
}

fn hub_away() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "upstream_away",
        "JupyterHub does not answer, so the owner of this token is not known",
        "live credentials stay valid; try again in a few minutes",
    )
}

fn late() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "upstream_away",
        "the credentials are not ready yet: JupyterHub, the IAM or the object store is slow",
        "live credentials stay valid; try again in a moment",
    )
}

/// `Authorization: Bearer …`, or `token …` as JupyterHub writes it.
fn bearer(headers: &HeaderMap) -> Result<Secret, Problem> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| {
            scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token")
        })
        .map(|(_, token)| Secret::new(token.trim()))
        .ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "the request has no token",
                "set AWS_CONTAINER_AUTHORIZATION_TOKEN to 'Bearer ' and the notebook server's token",
            )
        })
}

/// Rejects tokens that are not a notebook server's: those that people make by hand do not expire.
fn check_token(settings: &JupyterSettings, user: &HubUser) -> Result<(), Problem> {
    if user.kind == "user" && (settings.any_token || user.server.is_some()) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "not_a_server",
        "this token of JupyterHub is not a notebook server's own",
        "use the one that the server has in its environment, JUPYTERHUB_API_TOKEN",
    ))
}

async fn caller(
    portal: &Portal,
    settings: &JupyterSettings,
    user: &HubUser,
) -> Result<Caller, Problem> {
    let id = match settings.user {
        HubName::Sub => portal.broker.by_sub(&user.name),
        HubName::Username => portal.broker.by_username(&user.name).await?,
    };
    Ok(Caller {
        id,
        username: user.name.clone(),
        iam_token: None,
    })
}

/// Returns what to ask the broker for.
async fn lease_request(
    portal: &Portal,
    settings: &JupyterSettings,
    caller: &Caller,
    asked: Option<&str>,
) -> Result<LeaseRequest, Problem> {
    let survey: &Survey = match asked.or(settings.survey.as_ref().map(SurveyName::as_str)) {
        Some(name) => portal
            .broker
            .surveys()
            .named(name)
            .ok_or_else(|| Denied::NoSuchSurvey(name.chars().take(80).collect()))?,
        None => only_survey(portal, caller).await?,
    };
    let method = settings.method.or_else(|| {
        let mut methods = survey.methods.iter().copied();
        methods.find(|method| *method != Method::Ec2)
    });
    Ok(LeaseRequest {
        lifetime: settings.lifetime,
        method,
        ..LeaseRequest::new(survey.name.clone())
    })
}

/// Returns the survey that the person may read, if it is the only one.
async fn only_survey<'a>(portal: &'a Portal, caller: &Caller) -> Result<&'a Survey, Problem> {
    let person = portal.broker.person_lately(caller).await;
    let person = person.map_err(|denied| in_words(portal, &denied))?;
    let mut readable = Vec::new();
    for survey in portal.broker.surveys().iter() {
        if survey.access_of(&person).is_some() {
            readable.push(survey);
        }
    }
    match readable[..] {
        [survey] => Ok(survey),
        [] => match removed(portal, caller, None).await? {
            Some(problem) => Err(problem),
            None => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "not_a_member",
                format!("{} may read no survey", person.username),
                format!("ask to join a group at {}", portal.settings.join_at),
            )),
        },
        _ => {
            let names: Vec<&str> = readable.iter().map(|survey| survey.name.as_str()).collect();
            Err(Problem::bad_request(
                format!("you may read several surveys: {}", names.join(", ")),
                "name one by ?survey=NAME in AWS_CONTAINER_CREDENTIALS_FULL_URI",
            ))
        }
    }
}

/// Says in a refusal since when, if the person was a member before.
async fn explained(
    portal: &Portal,
    caller: &Caller,
    outcome: HandedOut,
) -> Result<Arc<Issued>, Problem> {
    let denied = match outcome {
        Ok(issued) => return Ok(issued),
        Err(denied) => denied,
    };
    if let Denied::NotAMember { survey, .. } = &*denied
        && let Some(problem) = removed(portal, caller, Some(survey)).await?
    {
        return Err(problem);
    }
    Err(in_words(portal, &denied))
}

/// Words a refusal for a person in a notebook, who may never have been at the portal.
fn in_words(portal: &Portal, denied: &Denied) -> Problem {
    match denied {
        Denied::LoginEnded => Problem::new(
            StatusCode::FORBIDDEN,
            denied.code(),
            "the portal can ask this IAM about you only with your login at the portal, and there is none, or it has ended",
            format!(
                "log in once at {}, then continue here",
                portal.settings.public
            ),
        ),
        _ => Problem::from(denied),
    }
}

async fn removed(
    portal: &Portal,
    caller: &Caller,
    survey: Option<&SurveyName>,
) -> Result<Option<Problem>, Problem> {
    let Some((survey, at)) = portal.broker.last_removal(&caller.id, survey).await? else {
        return Ok(None);
    };
    let groups = match portal.broker.surveys().named(survey.as_str()) {
        Some(survey) => {
            let groups: Vec<&str> = survey.readers.iter().map(AsRef::as_ref).collect();
            groups.join(" or ")
        }
        None => format!("the readers of {survey}"),
    };
    Ok(Some(Problem::new(
        StatusCode::FORBIDDEN,
        "not_a_member",
        format!(
            "removed from {groups} at {}",
            at.strftime("%H:%M UTC on %-d %B %Y")
        ),
        format!("ask to join again at {}", portal.settings.join_at),
    )))
}

fn shown(issued: &Issued) -> Result<(SurveyName, ContainerCredentials), Problem> {
    let keys = &issued.credentials;
    let (Some(token), Some(end)) = (&keys.session_token, issued.lease.expires) else {
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "these credentials have no session token, which notebooks need",
            "tell the people who run this portal",
        ));
    };
    let credentials = ContainerCredentials {
        access_key_id: keys.access_key_id.to_string(),
        secret_access_key: keys.secret_access_key.clone(),
        token: token.clone(),
        expiration: end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    };
    Ok((issued.lease.survey.clone(), credentials))
}
