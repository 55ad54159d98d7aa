//! `skykey agent`: one process that keeps credentials fresh for everything on this machine that asks it, by
//! the container-credentials endpoint, and for tools that read nothing but a file. What always holds:
//! it listens on loopback only; what it writes is for its owner alone; after a refusal it hands out
//! nothing, and takes out what it wrote.

mod command;
mod credentials_file;
mod door;
mod folder;
mod on_refused;
mod standing;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, bail};
use async_trait::async_trait;
use axum::routing::get;
use axum::{Json, Router, http::StatusCode};
use serde_json::Value;
use skykey_client::{Client, ClientError, CredentialsRequest, GrantedLease, Identity};
use skykey_types::{Clock, Secret, SurveyName};
use tokio::sync::Notify;

pub(crate) use command::AgentCommand;
pub use on_refused::{OnRefused, ParseOnRefusedError};

use super::endpoint::{Endpoint, Refusal, Source};
use super::environment::Variables;
use credentials_file::CredentialsFile;
use door::Door;
use folder::Folder;
use standing::{Memory, Turn};

/// An agent's settings.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// Of which survey; left out, the only one that may be read, or the portal's choice for a notebook server.
    pub survey: Option<SurveyName>,
    /// How long a lease lasts, in seconds; left out, the survey's shortest.
    pub lifetime: Option<u32>,
    /// Where to listen; port 0 is the one it had before in this folder, or any. Loopback only.
    pub listen: SocketAddr,
    /// Where its own files are. One agent a folder.
    pub folder: PathBuf,
    /// Whether tools that have the old bearer are to be refused.
    pub new_bearer: bool,
    /// An AWS credentials file to keep fresh, and the profile in it (the survey's name if left out).
    pub credentials_file: Option<(PathBuf, Option<String>)>,
    /// What a refusal leads to.
    pub on_refused: OnRefused,
}

/// How an agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentExit {
    /// It was told to stop.
    Stopped,
    /// It was refused, and told to end then.
    Refused,
}

/// A running agent. Dropped, it stops serving; [`Agent::run`] also takes out what it wrote.
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    wish: CredentialsRequest,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
    /// Held during a request to the portal, so that there is one at a time.
    gate: tokio::sync::Mutex<()>,
    folder: Folder,
    credentials_file: Option<CredentialsFile>,
    on_refused: OnRefused,
    /// Where it serves; told once.
    url: String,
    bearer: Secret,
    /// Rung when a refusal ends the agent.
    over: Notify,
    /// `agent.env`, as it was written last.
    written: Mutex<String>,
    endpoint: Mutex<Option<Endpoint>>,
}

impl Agent {
    /// Listens, asks the portal once, and writes its files. A refusal is handled as `options` say;
    /// a mistake in the request (no such survey, a lifetime out of range, a profile that is taken)
    /// is an error.
    pub async fn start(options: AgentOptions, client: Client) -> anyhow::Result<Self> {
        if !options.listen.ip().is_loopback() {
            bail!(
                "'{}' is not this machine alone; credentials are handed out on loopback only, such as 127.0.0.1:0",
                options.listen
            );
        }
        if matches!(client.identity(), Identity::Login) {
            // Where there is no login yet, nothing is written.
            client.who()?;
        }
        let (folder, taken) = Folder::take(options.folder).await?;
        let survey = match options.survey {
            Some(survey) => survey,
            None => client.usual_survey().await?,
        };
        let credentials_file = match options.credentials_file {
            Some((path, profile)) => {
                let profile = profile.unwrap_or_else(|| survey.to_string());
                Some(CredentialsFile::open(path, profile)?)
            }
            None => None,
        };
        let Door { listener, bearer } =
            Door::open(options.listen, &folder, options.new_bearer).await?;
        let clock = Arc::clone(client.clock());
        let memory = Memory::new(clock.now());
        let url = format!("http://{}/credentials", listener.local_addr()?);
        let inner = Arc::new(Inner {
            client,
            wish: CredentialsRequest {
                survey,
                lifetime: options.lifetime,
            },
            clock,
            memory: Mutex::new(memory),
            gate: tokio::sync::Mutex::default(),
            folder,
            credentials_file,
            on_refused: options.on_refused,
            url,
            bearer: bearer.clone(),
            over: Notify::new(),
            written: Mutex::default(),
            endpoint: Mutex::default(),
        });
        let source = Arc::new(AgentSource(Arc::clone(&inner)));
        let more = health(Arc::clone(&inner));
        // The folder is the next one's when the port is.
        let endpoint = Endpoint::serve(listener, bearer, source, more, taken)?;
        *lock(&inner.endpoint) = Some(endpoint);
        let agent = Self { inner };
        if let Some(mistake) = agent.inner.look().await {
            agent.inner.clear();
            return Err(mistake.into());
        }
        Ok(agent)
    }

    /// Where its credentials are asked for.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// What to say on standard error, once it runs.
    pub fn announcement(&self) -> String {
        self.inner.announcement()
    }

    /// Asks the portal now, however lately it was asked.
    pub async fn look(&self) {
        self.inner.look().await;
    }

    /// Keeps everything fresh until `stop`, or until a refusal that ends it; then takes out what it wrote.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> AgentExit {
        let inner = &self.inner;
        let ended = tokio::select! {
            () = stop => AgentExit::Stopped,
            () = inner.over.notified() => AgentExit::Refused,
            () = inner.keep_fresh() => AgentExit::Stopped,
        };
        inner.clear();
        ended
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The endpoint's source holds all the rest.
        *lock(&self.inner.endpoint) = None;
    }
}

impl Inner {
    async fn keep_fresh(&self) {
        loop {
            let pause = lock(&self.memory).next_look(self.clock.now());
            tokio::time::sleep(pause.try_into().unwrap_or_default()).await;
            self.look_if_due().await;
        }
    }

    async fn look_if_due(&self) {
        let _gate = self.gate.lock().await;
        let is_due = lock(&self.memory).is_due(self.clock.now());
        if is_due {
            self.ask().await;
        }
    }

    /// What was asked wrongly, if it was.
    async fn look(&self) -> Option<ClientError> {
        let _gate = self.gate.lock().await;
        self.ask().await
    }

    /// Asks the portal, remembers and acts. The caller holds the gate.
    async fn ask(&self) -> Option<ClientError> {
        let outcome = self.client.credentials(&self.wish).await;
        let now = self.clock.now();
        let (told, mistake) = match outcome {
            Ok(granted) => (Ok(Arc::new(granted)), None),
            Err(error) => {
                let refusal = Refusal {
                    is_final: error.is_refusal(),
                    ..Refusal::from(&error)
                };
                let is_mistake = !error.is_refusal() && !error.is_outage();
                (Err(refusal), is_mistake.then_some(error))
            }
        };
        let mut memory = lock(&self.memory);
        if memory.is_empty() && mistake.is_some() {
            // The command that starts the agent prints it.
            return mistake;
        }
        let turn = memory.take_in(told, now);
        drop(memory);
        self.act(turn);
        mistake
    }

    /// Brings the files into line with what is known, and says what has changed.
    fn act(&self, turn: Turn) {
        let now = self.clock.now();
        let known = lock(&self.memory).answer(now);
        let files = match &known {
            Some(Ok(granted)) => self.write(granted),
            // The portal gave no answer: the credentials stay valid until they expire.
            None => Ok(()),
            Some(Err(_)) => self.take_out(),
        };
        let trouble = files.err().map(|error| format!("{error:#}"));
        if lock(&self.memory).files(trouble.clone())
            && let Some(trouble) = trouble
        {
            say(&trouble);
        }
        match turn {
            Turn::None => {}
            Turn::Ready => say(&format!("{} can be read again", self.wish.survey)),
            Turn::Away(why) => say(&why),
            Turn::Refused(why) => {
                say(&why);
                match &self.on_refused {
                    OnRefused::Wait => {}
                    OnRefused::Exit => self.over.notify_one(),
                    OnRefused::Run(command) => {
                        on_refused::run(command, self.wish.survey.as_str(), &why);
                    }
                }
            }
        }
    }

    fn write(&self, granted: &GrantedLease) -> anyhow::Result<()> {
        let text = Variables::of(&self.url, &self.bearer, &granted.place)?
            .of_agent(&self.folder.bearer(), std::process::id())?
            .shell();
        let mut written = lock(&self.written);
        if *written != text {
            self.folder.write_env(&text)?;
            *written = text;
        }
        drop(written);
        match &self.credentials_file {
            Some(file) => file.write(granted),
            None => Ok(()),
        }
    }

    /// `agent.env` stays as long as the agent: it holds no credentials.
    fn take_out(&self) -> anyhow::Result<()> {
        match &self.credentials_file {
            Some(file) => file.take_out(),
            None => Ok(()),
        }
    }

    /// Stops serving, and takes out everything but the bearer and the address, for the next agent here.
    fn clear(&self) {
        *lock(&self.endpoint) = None;
        for done in [self.take_out(), self.folder.remove_env()] {
            if let Err(error) = done {
                say(&format!("{error:#}"));
            }
        }
    }

    fn announcement(&self) -> String {
        let survey = &self.wish.survey;
        let until = match lock(&self.memory).answer(self.clock.now()) {
            Some(Ok(granted)) => match granted.credentials.expiration {
                Some(end) => format!("the first credentials end {}", super::at(end)),
                None => "its credentials have no end".to_owned(),
            },
            Some(Err(_)) | None => "no credentials yet".to_owned(),
        };
        let folder = self.folder.path();
        let which = match usual_folder() {
            Ok(usual) if usual == folder => String::new(),
            // A quote in the folder's name is the caller's to escape.
            _ => format!(" --folder '{}'", folder.display()),
        };
        format!(
            "{survey} at {}; {until}\nin each shell that is to use it:  eval \"$(skykey agent env{which})\"",
            self.url
        )
    }
}

/// The endpoint's source: from memory, and by asking the portal only if the memory is too old, after a sleep
/// of the machine.
struct AgentSource(Arc<Inner>);

#[async_trait]
impl Source for AgentSource {
    async fn credentials(&self) -> Result<Arc<GrantedLease>, Refusal> {
        let inner = Arc::clone(&self.0);
        if let Some(known) = lock(&inner.memory).answer(inner.clock.now()) {
            return known;
        }
        let asked = tokio::spawn(async move {
            inner.look_if_due().await;
            lock(&inner.memory).answer(inner.clock.now())
        });
        asked.await.ok().flatten().unwrap_or_else(|| {
            Err(Refusal {
                is_final: false,
                code: "starting".to_owned(),
                message: "skykey agent has no credentials yet; try again in a moment".to_owned(),
            })
        })
    }

    fn whose(&self) -> &'static str {
        "this is not the bearer of skykey agent; take its variables anew, by: eval \"$(skykey agent env)\""
    }
}

/// `GET /health`, for everybody on this machine, so without secrets: 200 while there are credentials, else 503.
fn health(inner: Arc<Inner>) -> Router {
    let answer = move || {
        let inner = Arc::clone(&inner);
        async move {
            let memory = lock(&inner.memory);
            let (is_ready, body): (bool, Value) =
                memory.health(inner.wish.survey.as_str(), inner.clock.now());
            let status = if is_ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            (status, Json(body))
        }
    };
    Router::new().route("/health", get(answer))
}

/// Nobody waits or panics while holding one of these.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding it")
}

/// A line for people, on standard error.
fn say(words: &str) {
    use std::io::Write;
    let mut out = std::io::stderr().lock();
    for line in words.lines() {
        let _ = writeln!(out, "skykey agent: {line}");
    }
}

/// This machine's name, for its folder: machines may share a home.
fn machine() -> anyhow::Result<String> {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = name.chars().filter(|c| is_plain(*c)).take(64).collect();
    if name.trim_matches('.').is_empty() {
        bail!("this machine has no name to call a folder by; choose one with --folder");
    }
    Ok(name)
}

/// Where an agent's files are if nobody says.
fn usual_folder() -> anyhow::Result<PathBuf> {
    Ok(super::places()
        .context("where to keep the agent's files")?
        .agent(&machine()?))
}
