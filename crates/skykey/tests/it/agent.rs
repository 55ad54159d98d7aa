//! `skykey agent`, in the same process as the world that it asks, with a clock that the test moves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use skykey_cli::{Agent, AgentExit, AgentOptions, OnRefused};
use skykey_client::{Client, Identity, Places};
use skykey_types::{AccessKeyId, Clock, Credentials, SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{TestWorld, access_token};

/// A machine of bob's: his token in a file, and room for an agent's files.
struct Machine {
    sky: TestWorld,
    home: TempDir,
}

impl Machine {
    async fn start() -> Self {
        let machine = Self {
            sky: TestWorld::start().await,
            home: tempfile::tempdir().unwrap(),
        };
        let people = &machine.sky.world.up_file().people;
        let bob = people.iter().find(|person| person.username == "bob");
        let token = access_token(&machine.sky, "bob", &bob.unwrap().password).await;
        std::fs::write(machine.token_file(), token).unwrap();
        machine
    }

    fn token_file(&self) -> PathBuf {
        self.home.path().join("token")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("agent").join(name)
    }

    fn client(&self) -> Client {
        let portal = self.sky.world.up_file().portal.as_str().parse().unwrap();
        let places = Places::at(self.home.path().join("state"));
        Client::new(&places, portal, Arc::new(self.sky.clock.clone()))
            .unwrap()
            .in_the_name_of(Identity::TokenFile(self.token_file()))
    }

    fn options(&self) -> AgentOptions {
        AgentOptions {
            survey: Some("m13".parse().unwrap()),
            lifetime: None,
            listen: "127.0.0.1:0".parse().unwrap(),
            folder: self.home.path().join("agent"),
            new_bearer: false,
            credentials_file: None,
            on_refused: OnRefused::Wait,
        }
    }

    async fn agent(&self) -> Agent {
        Agent::start(self.options(), self.client()).await.unwrap()
    }

    /// What a tool does that reads the bearer from its file.
    async fn ask(&self, agent: &Agent) -> (u16, Value) {
        let bearer = std::fs::read_to_string(self.file("bearer")).unwrap();
        get(agent.url(), &[("authorization", &bearer)]).await
    }

    async fn key(&self, agent: &Agent) -> String {
        let (status, body) = self.ask(agent).await;
        assert_eq!(status, 200, "{body}");
        body["AccessKeyId"].as_str().unwrap().to_owned()
    }

    async fn health(&self, agent: &Agent) -> (u16, Value) {
        get(&agent.url().replace("/credentials", "/health"), &[]).await
    }

    fn later(&self, seconds: i64) {
        self.sky.clock.advance(SignedDuration::from_secs(seconds));
    }

    async fn set_member(&self, member: bool) {
        let directory = self.sky.world.directory().unwrap();
        let sub = directory.by_username("bob").unwrap().sub;
        let group = "m13/readers".parse().unwrap();
        if member {
            directory.add_to_group(&sub, &group).await.unwrap();
        } else {
            directory.remove_from_group(&sub, &group).await.unwrap();
        }
        self.sky.world.broker().watch_once().await.unwrap();
    }
}

/// Runs the agent until it receives the stop signal.
fn running(agent: Agent) -> (oneshot::Sender<()>, JoinHandle<AgentExit>) {
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        agent.run(stop).await
    });
    (stop, ended)
}

async fn get(url: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn credentials(body: &Value) -> Credentials {
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: AccessKeyId::new(text("AccessKeyId")),
        secret_access_key: text("SecretAccessKey").into(),
        session_token: Some(text("Token").into()),
        expiration: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_hands_out_credentials_that_read_and_new_ones_in_time() {
    let machine = Machine::start().await;
    let agent = machine.agent().await;
    let (status, body) = machine.ask(&agent).await;
    assert_eq!(status, 200, "{body}");
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["AccessKeyId", "Expiration", "SecretAccessKey", "Token"]
    );
    let keys = credentials(&body);
    let (status, listing) = machine.sky.send(&keys, "GET", "m13?list-type=2", "").await;
    assert_eq!(status, 200, "{listing}");
    let first = machine.key(&agent).await;
    assert_eq!(first, keys.access_key_id.as_str());
    let (status, health) = machine.health(&agent).await;
    assert_eq!((status, health["state"].as_str()), (200, Some("ready")));
    assert_eq!(health["survey"], "m13");
    assert!((3590..=3600).contains(&health["seconds_left"].as_i64().unwrap()));
    assert_eq!(health["error"], Value::Null);
    // The machine slept until 20 minutes were left: the first caller waits for new ones.
    machine.later(2400);
    let second = machine.key(&agent).await;
    assert_ne!(second, first);
    for name in ["agent.env", "bearer", "address", "lock"] {
        assert_eq!(mode(&machine.file(name)), 0o600, "{name}");
    }
    let said = agent.announcement();
    assert!(
        said.contains("m13 at http://127.0.0.1:") && !said.contains("Bearer"),
        "{said}"
    );
    machine.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_bearer_or_host_is_refused() {
    let machine = Machine::start().await;
    let agent = machine.agent().await;
    let bearer = std::fs::read_to_string(machine.file("bearer")).unwrap();
    let port = agent.url().split(':').nth(2).unwrap();
    let port = port.split('/').next().unwrap();
    for wrong in [
        "",
        "Bearer",
        "Bearer x",
        &bearer[..bearer.len() - 1],
        &bearer[7..],
    ] {
        let (status, body) = get(agent.url(), &[("authorization", wrong)]).await;
        assert_eq!((status, body["code"].as_str()), (401, Some("unauthorized")));
        assert!(
            body["message"]
                .as_str()
                .unwrap()
                .contains("skykey agent env")
        );
    }
    let (status, _) = get(agent.url(), &[]).await;
    assert_eq!(status, 401);
    // A page of evil.example in a browser of this machine, after its name was made to mean 127.0.0.1.
    for host in [
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        "localhost:1".to_owned(),
    ] {
        for path in ["credentials", "health", "nowhere"] {
            let url = format!("http://127.0.0.1:{port}/{path}");
            let headers = [("authorization", bearer.as_str()), ("host", &host)];
            let (status, body) = get(&url, &headers).await;
            assert_eq!(
                (status, body["code"].as_str()),
                (421, Some("misdirected")),
                "{host}"
            );
        }
    }
    let host = format!("localhost:{port}");
    let headers = [("authorization", bearer.as_str()), ("host", &host)];
    assert_eq!(get(agent.url(), &headers).await.0, 200);
    let http = reqwest::Client::new();
    let posted = http.post(agent.url()).header("authorization", bearer);
    assert_eq!(posted.send().await.unwrap().status(), 405);
    for listen in ["0.0.0.0:0", "192.0.2.1:0"] {
        let listen: SocketAddr = listen.parse().unwrap();
        let mut options = machine.options();
        options.listen = listen;
        options.folder = machine.home.path().join("another");
        let refused = Agent::start(options, machine.client()).await;
        let error = refused.err().unwrap().to_string();
        assert!(error.contains("loopback only"), "{error}");
    }
    machine.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_told_in_a_sentence_and_what_was_written_is_taken_out() {
    let machine = Machine::start().await;
    let file = machine.home.path().join("credentials");
    std::fs::write(&file, "[mine]\na = b\n").unwrap();
    let mut options = machine.options();
    options.credentials_file = Some((file.clone(), None));
    let told = machine.file("told");
    let line = format!(
        "printf %s \"$SKYKEY_SURVEY $SKYKEY_REFUSED\" > '{}'",
        told.display()
    );
    options.on_refused = line.parse().unwrap();
    let agent = Agent::start(options, machine.client()).await.unwrap();
    let first = machine.key(&agent).await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("[mine]\na = b\n") && text.contains(&first),
        "{text}"
    );
    assert_eq!(mode(&file), 0o600);

    machine.set_member(false).await;
    machine.later(30);
    agent.look().await;
    let (status, body) = machine.ask(&agent).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("not_a_member")));
    let sentence = body["message"].as_str().unwrap();
    assert!(
        sentence.contains("m13/readers") && sentence.contains("ask"),
        "{sentence}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[mine]\na = b\n");
    let (status, health) = machine.health(&agent).await;
    assert_eq!((status, health["state"].as_str()), (503, Some("refused")));
    assert_eq!(health["error"], sentence);
    let expected = format!("m13 {sentence}");
    for _ in 0..500 {
        if std::fs::read_to_string(&told).is_ok_and(|told| told == expected) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(std::fs::read_to_string(&told).unwrap(), expected);

    // Back in the group: the same agent works again.
    machine.set_member(true).await;
    machine.later(30);
    agent.look().await;
    let second = machine.key(&agent).await;
    assert_ne!(second, first);
    assert!(std::fs::read_to_string(&file).unwrap().contains(&second));

    let (stop, ended) = running(agent);
    stop.send(()).unwrap();
    assert_eq!(ended.await.unwrap(), AgentExit::Stopped);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[mine]\na = b\n");
    assert!(!machine.file("agent.env").exists());
    machine.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_told_to_ends_at_a_refusal_also_at_the_start() {
    let machine = Machine::start().await;
    let mut options = machine.options();
    options.on_refused = OnRefused::Exit;
    let agent = Agent::start(options.clone(), machine.client())
        .await
        .unwrap();
    machine.set_member(false).await;
    machine.later(30);
    agent.look().await;
    let (_stop, ended) = running(agent);
    assert_eq!(ended.await.unwrap(), AgentExit::Refused);
    let agent = Agent::start(options, machine.client()).await.unwrap();
    let (_stop, ended) = running(agent);
    assert_eq!(ended.await.unwrap(), AgentExit::Refused);
    machine.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_agent_serves_running_tools_with_the_same_bearer_at_the_same_place() {
    let machine = Machine::start().await;
    let agent = machine.agent().await;
    let (url, bearer) = (
        agent.url().to_owned(),
        std::fs::read_to_string(machine.file("bearer")).unwrap(),
    );
    let second = Agent::start(machine.options(), machine.client()).await;
    let error = second.err().unwrap().to_string();
    assert!(
        error.contains("has") && error.contains("already"),
        "{error}"
    );
    let key = machine.key(&agent).await;
    // As after kill -9: nothing is taken out.
    drop(agent);
    let agent = machine.agent().await;
    assert_eq!(agent.url(), url);
    let (status, body) = get(&url, &[("authorization", &bearer)]).await;
    assert_eq!(
        (status, body["AccessKeyId"].as_str()),
        (200, Some(key.as_str()))
    );
    drop(agent);
    let mut options = machine.options();
    options.new_bearer = true;
    let agent = Agent::start(options, machine.client()).await.unwrap();
    assert_eq!(agent.url(), url);
    assert_eq!(get(&url, &[("authorization", &bearer)]).await.0, 401);
    machine.key(&agent).await;
    machine.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_without_a_token_hands_out_nothing_until_there_is_one() {
    let machine = Machine::start().await;
    let agent = machine.agent().await;
    let token = std::fs::read(machine.token_file()).unwrap();
    for content in [&b""[..], b"not.a.token"] {
        std::fs::write(machine.token_file(), content).unwrap();
        machine.later(30);
        agent.look().await;
        let (status, body) = machine.ask(&agent).await;
        assert_eq!(status, 403, "{body}");
        let sentence = body["message"].as_str().unwrap();
        assert!(sentence.contains("renews the file"), "{sentence}");
    }
    std::fs::write(machine.token_file(), token).unwrap();
    agent.look().await;
    machine.key(&agent).await;
    machine.sky.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_portal_is_away_credentials_are_handed_out_to_their_end_and_not_after() {
    let machine = Machine::start().await;
    let agent = machine.agent().await;
    let (_, body) = machine.ask(&agent).await;
    let end: Timestamp = body["Expiration"].as_str().unwrap().parse().unwrap();
    let Machine { sky, home } = machine;
    let clock = sky.clock.clone();
    sky.world.stop().await;
    let bearer = std::fs::read_to_string(home.path().join("agent/bearer")).unwrap();
    let ask = async || get(agent.url(), &[("authorization", &bearer)]).await;
    clock.advance(SignedDuration::from_secs(30));
    agent.look().await;
    assert_eq!(ask().await.1["AccessKeyId"], body["AccessKeyId"]);
    clock.advance(end.duration_since(clock.now()));
    let (status, body) = ask().await;
    assert_eq!(status, 503, "{body}");
    assert!(
        body["message"].as_str().unwrap().contains("the portal"),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_said_at_once() {
    let machine = Machine::start().await;
    let mut options = machine.options();
    options.survey = Some("nowhere".parse().unwrap());
    let wrong = Agent::start(options, machine.client()).await;
    let error = wrong.err().unwrap().to_string();
    assert!(error.contains("no survey called 'nowhere'"), "{error}");
    let mut options = machine.options();
    options.lifetime = Some(60);
    let wrong = Agent::start(options, machine.client()).await;
    assert!(wrong.err().unwrap().to_string().contains("3600"));
    let mut options = machine.options();
    // bob may read two.
    options.survey = None;
    let wrong = Agent::start(options, machine.client()).await;
    let error = wrong.err().unwrap().to_string();
    assert!(error.contains("several surveys: m13, other"), "{error}");
    assert!(!machine.file("agent.env").exists());
    machine.sky.world.stop().await;
}
