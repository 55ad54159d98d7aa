//! The access log.

use std::io;
use std::sync::{LazyLock, Mutex};

use skykey_serve::ServeSettings;

use crate::site::{Site, header};

/// What all tests together log. Each test having a subscriber of its own would race: whether a line is wanted
/// by anybody is remembered for the whole process when it is first passed.
static LINES: LazyLock<&Mutex<Vec<u8>>> = LazyLock::new(|| {
    let lines: &Mutex<Vec<u8>> = Box::leak(Box::default());
    tracing_subscriber::fmt()
        .with_writer(move || Lines(lines))
        .with_ansi(false)
        .with_env_filter("skykey=info")
        .init();
    lines
});

/// Begins to log; before the first door.
pub(crate) fn begin() {
    LazyLock::force(&LINES);
}

/// What has been logged so far.
pub(crate) fn text() -> String {
    String::from_utf8(LINES.lock().unwrap().clone()).unwrap()
}

struct Lines(&'static Mutex<Vec<u8>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_request_is_a_line_without_its_query() {
    let site = Site::open(ServeSettings::default()).await;
    let answer = site.get("/who?X-Amz-Signature=s3cr3t&code=c0de", "").await;
    site.get("/healthz", "").await;
    // A request's line is written by the time that the door has stopped.
    site.stop().await;
    let text = text();
    let id = header(&answer, "x-request-id").unwrap();
    let line = text.lines().find(|line| line.contains(id)).unwrap();
    for part in [
        "skykey::access",
        "door=\"test\"",
        "method=GET",
        "path=/who",
        "status=200",
        "client=127.0.0.1",
        &format!("request_id=\"{id}\""),
        &format!("bytes={}", "127.0.0.1 ".len() + id.len()),
        "took_ms=",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    for secret in ["s3cr3t", "c0de", "Signature"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!text.contains("/healthz"), "{text}");
}

/// What a service logs says for which request.
#[tokio::test]
async fn a_services_own_lines_carry_the_request_id() {
    let site = Site::open(ServeSettings::default()).await;
    let answer = site.get("/say", "").await;
    site.stop().await;
    let id = header(&answer, "x-request-id").unwrap();
    let text = text();
    let said = format!("request{{request_id=\"{id}\"}}: skykey_said: something");
    assert!(text.contains(&said), "{said} is not in {text}");
}
