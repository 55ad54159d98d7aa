//! TLS, and certificates that are replaced while we serve.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
use skykey_serve::{Door, Metrics, ServeSettings, TlsError, TlsFiles};
use skykey_types::{Clock, ManualClock, SignedDuration};
use tempfile::TempDir;

use crate::log;
use crate::site::Site;

/// A folder with a certificate in it.
struct Folder {
    folder: TempDir,
    files: TlsFiles,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("tls.crt"),
            key: folder.path().join("tls.key"),
        };
        Self { folder, files }
    }

    fn write(&self, made: &Made) {
        fs::write(&self.files.certificate, &made.certificate).unwrap();
        self.write_key(&made.key);
    }

    fn write_key(&self, text: &str) {
        fs::write(&self.files.key, text).unwrap();
        fs::set_permissions(&self.files.key, Permissions::from_mode(0o600)).unwrap();
    }

    /// What was logged about the files in it.
    fn lines(&self, about: &str) -> Vec<String> {
        let folder = self.folder.path().to_str().unwrap();
        let text = log::text();
        let lines = text.lines().filter(|line| line.contains(folder));
        lines
            .filter(|line| line.contains(about))
            .map(str::to_owned)
            .collect()
    }

    fn settings(&self) -> ServeSettings {
        ServeSettings {
            tls: Some(self.files.clone()),
            ..ServeSettings::default()
        }
    }

    fn door(&self) -> Result<Metrics, String> {
        log::begin();
        let clock = ManualClock::at("2026-11-24T08:00:00Z".parse().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let metrics = Metrics::new();
        match Door::new("test", &self.settings(), &metrics, &clock) {
            Ok(_) => Ok(metrics),
            Err(error) => Err(error
                .to_string()
                .replace(self.folder.path().to_str().unwrap(), "DIR")),
        }
    }
}

/// A certificate for localhost by an authority of its own, in PEM.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn made(until: i32) -> Made {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    Made {
        authority: authority.pem(),
        certificate: leaf.pem() + &authority.pem(),
        key: key.serialize_pem(),
    }
}

/// Asks over a new connection, believing in one authority only.
async fn ask(site: &Site, by: &Made) -> Result<String, reqwest::Error> {
    let authority = reqwest::Certificate::from_pem(by.authority.as_bytes())?;
    let client = reqwest::Client::builder()
        .tls_certs_only([authority])
        .resolve("localhost", site.address)
        .no_proxy()
        .build()?;
    let url = format!("https://localhost:{}/", site.address.port());
    let answer = client.get(url).send().await?;
    assert_eq!(answer.version(), reqwest::Version::HTTP_11);
    answer.text().await
}

#[tokio::test]
async fn a_client_that_knows_the_authority_is_served() {
    let (folder, first) = (Folder::new(), made(2100));
    folder.write(&first);
    let site = Site::open(folder.settings()).await;
    assert_eq!(ask(&site, &first).await.unwrap(), "here");
    assert!(ask(&site, &made(2100)).await.is_err());
    // Plain HTTP gets no answer that could be taken for one.
    assert!(!site.get("/", "").await.contains("here"));
    assert_eq!(ask(&site, &first).await.unwrap(), "here");
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_used_once_it_is_time_to_look() {
    let (folder, first, second) = (Folder::new(), made(2100), made(2101));
    folder.write(&first);
    let site = Site::open(folder.settings()).await;
    assert_eq!(ask(&site, &first).await.unwrap(), "here");
    folder.write(&second);
    site.clock.advance(SignedDuration::from_secs(9));
    assert_eq!(ask(&site, &first).await.unwrap(), "here");
    site.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ask(&site, &second).await.unwrap(), "here");
    assert!(ask(&site, &first).await.is_err());
    let text = site.stop().await.text().unwrap();
    let ends = format!(
        "skykey_tls_certificate_end_timestamp_seconds{{door=\"test\"}} {}",
        date_time_ymd(2101, 1, 1).unix_timestamp()
    );
    assert!(text.contains(&ends), "{text}");
}

#[tokio::test]
async fn a_broken_replacement_does_not_replace() {
    let (folder, first, second) = (Folder::new(), made(2100), made(2101));
    folder.write(&first);
    let site = Site::open(folder.settings()).await;
    let minute = SignedDuration::from_mins(1);
    // Half a file, no file, and one of the pair.
    fs::write(&folder.files.certificate, &second.certificate[..200]).unwrap();
    site.clock.advance(minute);
    assert_eq!(ask(&site, &first).await.unwrap(), "here");
    fs::remove_file(&folder.files.certificate).unwrap();
    site.clock.advance(minute);
    assert_eq!(ask(&site, &first).await.unwrap(), "here");
    fs::write(&folder.files.certificate, &second.certificate).unwrap();
    site.clock.advance(minute);
    assert_eq!(ask(&site, &first).await.unwrap(), "here");
    // The other of the pair, by a rename, as careful tools do it.
    let aside = folder.folder.path().join("new.key");
    fs::write(&aside, &second.key).unwrap();
    fs::set_permissions(&aside, Permissions::from_mode(0o600)).unwrap();
    fs::rename(&aside, &folder.files.key).unwrap();
    site.clock.advance(minute);
    assert_eq!(ask(&site, &second).await.unwrap(), "here");
    assert_eq!(folder.lines("stays in use").len(), 3);
}

#[tokio::test]
async fn a_broken_replacement_is_told_of_once() {
    let folder = Folder::new();
    folder.write(&made(2100));
    let site = Site::open(folder.settings()).await;
    fs::write(&folder.files.key, "").unwrap();
    for _ in 0..5 {
        site.clock.advance(SignedDuration::from_mins(1));
        let _ = site.get("/", "").await;
    }
    let lines = folder.lines("stays in use");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("there is no private key in"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_is_cut_off() {
    let folder = Folder::new();
    folder.write(&made(2100));
    let site = Site::open(folder.settings()).await;
    let began = tokio::time::Instant::now();
    assert_eq!(site.say("").await, "");
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[test]
fn what_is_wrong_with_the_files_is_said_at_the_start() {
    let (folder, one, other) = (Folder::new(), made(2100), made(2100));
    assert_eq!(
        folder.door().unwrap_err(),
        "cannot read the certificate DIR/tls.crt: No such file or directory (os error 2)"
    );
    fs::write(&folder.files.certificate, &one.key).unwrap();
    assert_eq!(
        folder.door().unwrap_err(),
        "there is no certificate in DIR/tls.crt: expected a PEM section BEGIN CERTIFICATE, the server's own first"
    );
    fs::write(&folder.files.certificate, &one.certificate).unwrap();
    assert_eq!(
        folder.door().unwrap_err(),
        "cannot read the private key DIR/tls.key: No such file or directory (os error 2)"
    );
    folder.write_key(&one.certificate);
    assert_eq!(
        folder.door().unwrap_err(),
        "there is no private key in DIR/tls.key: expected a PEM section BEGIN PRIVATE KEY, not encrypted; openssl pkey takes a passphrase off"
    );
    fs::write(&folder.files.key, &other.key).unwrap();
    assert_eq!(
        folder.door().unwrap_err(),
        "the private key DIR/tls.key does not belong to the certificate DIR/tls.crt; name the two files that were made together"
    );
    fs::write(&folder.files.key, &one.key).unwrap();
    assert!(folder.door().is_ok());
    fs::write(&folder.files.certificate, &one.certificate[..200]).unwrap();
    let error = folder.door().unwrap_err();
    assert!(error.contains("is not valid PEM"), "{error}");
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(&folder.files.certificate, nonsense).unwrap();
    let error = folder.door().unwrap_err();
    assert!(
        error.starts_with("the certificate DIR/tls.crt cannot be used"),
        "{error}"
    );
}

#[test]
fn an_expired_certificate_is_warned_of_and_its_end_is_in_the_metrics() {
    let folder = Folder::new();
    folder.write(&made(2025));
    let text = folder.door().unwrap().text().unwrap();
    let end = date_time_ymd(2025, 1, 1).unix_timestamp();
    assert!(text.contains(&format!("{{door=\"test\"}} {end}")), "{text}");
    let lines = folder.lines("the certificate has expired");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("until=2025-01-01T00:00:00Z"), "{lines:?}");
}

#[test]
fn a_key_that_everybody_may_read_is_refused() {
    let folder = Folder::new();
    folder.write(&made(2100));
    fs::set_permissions(&folder.files.key, Permissions::from_mode(0o640)).unwrap();
    folder.door().unwrap();
    fs::set_permissions(&folder.files.key, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        folder.door().unwrap_err(),
        "the private key DIR/tls.key can be read by everybody on this machine (mode 644); run: chmod o= DIR/tls.key"
    );
}

/// Errors go into `anyhow` and across threads.
#[test]
fn the_error_is_an_error() {
    fn is<E: std::error::Error + Send + Sync + 'static>() {}
    is::<TlsError>();
}
