//! A certificate and its key, reloaded when their files change.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use skykey_types::Clock;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, version};
use zeroize::Zeroizing;

use crate::metrics::DoorMetrics;
use crate::settings::{ServeSettings, TlsFiles};
use crate::validity::Validity;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is missing or not readable.
    #[error("cannot read the {what} {}: {source}", .path.display())]
    Unreadable {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file that is not valid PEM, such as half a file.
    #[error("{} is not valid PEM: {why}; write the {what} again", .path.display())]
    NotPem {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The parser's error.
        why: pem::Error,
    },
    /// A file without a certificate.
    #[error("there is no certificate in {}: expected a PEM section BEGIN CERTIFICATE, the server's own first", .0.display())]
    NoCertificate(PathBuf),
    /// A file without a private key, or with an encrypted one.
    #[error("there is no private key in {}: expected a PEM section BEGIN PRIVATE KEY, not encrypted; openssl pkey takes a passphrase off", .0.display())]
    NoKey(PathBuf),
    /// Everybody on the machine may read the private key.
    #[error("the private key {} can be read by everybody on this machine (mode {:o}); run: chmod o= {}", .path.display(), .mode & 0o777, .path.display())]
    KeyForAll {
        /// The key's file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A certificate and a key that do not belong together.
    #[error("the private key {} does not belong to the certificate {}; name the two files that were made together", .key.display(), .certificate.display())]
    NoPair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A certificate or key of a kind that is not served.
    #[error("the certificate {} cannot be used: {why}; ECDSA (P-256, P-384), Ed25519 and RSA of 2,048 bits or more can", .certificate.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// rustls's error.
        why: rustls::Error,
    },
}

/// A door's certificate, reloaded when its files change.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: TlsFiles,
    look_every: SignedDuration,
    clock: Arc<dyn Clock>,
    metrics: DoorMetrics,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    /// The files as they were when they were last loaded, or last found to be no good.
    seen: Marks,
    looked: Timestamp,
}

impl Certificates {
    /// Loads the files for the first time.
    pub(crate) fn open(
        files: &TlsFiles,
        settings: &ServeSettings,
        metrics: &DoorMetrics,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<Self>, TlsError> {
        let seen = Marks::of(files);
        let loaded = load(files)?;
        let now = clock.now();
        loaded.report(files, metrics, now);
        Ok(Arc::new(Self {
            files: files.clone(),
            look_every: SignedDuration::try_from(settings.look_at_certificates_every)
                .unwrap_or(SignedDuration::MAX),
            clock: clock.clone(),
            metrics: metrics.clone(),
            state: Mutex::new(State {
                config: Arc::new(loaded.config),
                seen,
                looked: now,
            }),
        }))
    }

    /// Returns the configuration for the next client. Checks the files if that is due; other clients
    /// meanwhile get the present one.
    pub(crate) async fn current(self: &Arc<Self>) -> Arc<ServerConfig> {
        if self.is_due() {
            let me = self.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || me.look()).await {
                tracing::error!(%error, "the certificate's files could not be checked");
            }
        }
        self.state().config.clone()
    }

    /// Whether a check is due; the caller that gets `true` makes it.
    fn is_due(&self) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        // `abs`: after the clock was set back, a check is due at once.
        let due = now.duration_since(state.looked).abs() >= self.look_every;
        if due {
            state.looked = now;
        }
        due
    }

    fn look(&self) {
        // Before loading, so that a later change is seen by the next check.
        let marks = Marks::of(&self.files);
        if marks == self.state().seen {
            return;
        }
        let loaded = load(&self.files);
        let mut state = self.state();
        state.seen = marks;
        match loaded {
            Ok(loaded) => {
                tracing::info!(certificate = %self.files.certificate.display(), "the certificate was reloaded");
                loaded.report(&self.files, &self.metrics, self.clock.now());
                state.config = Arc::new(loaded.config);
            }
            Err(error) => tracing::warn!(
                %error,
                "the certificate's files changed, and cannot be used; the previous certificate stays in use"
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Loaded {
    config: ServerConfig,
    validity: Option<Validity>,
}

impl Loaded {
    /// Logs what an operator should know of it, and sets its metric.
    fn report(&self, files: &TlsFiles, metrics: &DoorMetrics, now: Timestamp) {
        let certificate = files.certificate.display();
        if let Some(Validity { from, until }) = self.validity {
            metrics.certificate_ends(until);
            if until <= now {
                tracing::warn!(%certificate, %until, "the certificate has expired; clients will refuse it until it is renewed");
            }
            if from > now {
                tracing::warn!(%certificate, %from, "the certificate is not valid yet; clients will refuse it until then");
            }
        }
    }
}

fn load(files: &TlsFiles) -> Result<Loaded, TlsError> {
    let chain = certificates(&files.certificate)?;
    let key = private_key(&files.key)?;
    let validity = chain.first().and_then(|leaf| Validity::of(leaf));
    let unusable = |why| match why {
        rustls::Error::InconsistentKeys(_) => TlsError::NoPair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        },
        why => TlsError::Unusable {
            certificate: files.certificate.clone(),
            why,
        },
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config, validity })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    const WHAT: &str = "certificate";
    let text = std::fs::read(path).map_err(|source| TlsError::Unreadable {
        what: WHAT,
        path: path.to_owned(),
        source,
    })?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|why| TlsError::NotPem {
            what: WHAT,
            path: path.to_owned(),
            why,
        })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(chain)
}

/// Reads the key, unless everybody may read its file. A group may: tools that renew certificates give
/// them to the servers' group.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const WHAT: &str = "private key";
    let unreadable = |source| TlsError::Unreadable {
        what: WHAT,
        path: path.to_owned(),
        source,
    };
    let mode = std::fs::metadata(path).map_err(unreadable)?.mode();
    if mode & 0o007 != 0 {
        return Err(TlsError::KeyForAll {
            path: path.to_owned(),
            mode,
        });
    }
    let text = Zeroizing::new(std::fs::read(path).map_err(unreadable)?);
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey(path.to_owned())),
        Err(why) => Err(TlsError::NotPem {
            what: WHAT,
            path: path.to_owned(),
            why,
        }),
    }
}

/// The identity and version of the two files, to detect a change; `None` for a missing one.
#[derive(Debug, PartialEq, Eq)]
struct Marks([Option<Mark>; 2]);

#[derive(Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Marks {
    fn of(files: &TlsFiles) -> Self {
        let mark = |path: &Path| std::fs::metadata(path).ok().as_ref().map(Mark::of);
        Self([mark(&files.certificate), mark(&files.key)])
    }
}

impl Mark {
    fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
        }
    }
}
