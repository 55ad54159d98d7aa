//! Certificate authorities on a machine that has none.

use std::env;

use reqwest::{Certificate, Client, ClientBuilder};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::fault::told;
use crate::{Settings, SetupError};

/// Where a person, or their image, says which authorities to believe; the names are OpenSSL's.
const SAID_BY: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The client when the one that believes the machine's authorities cannot be built, because of `error`.
///
/// A bare container, or an image of nothing but this program, has no authorities. Then Mozilla's, which
/// every distribution ships too, are believed as they were when the program was built. Never if somebody
/// has named authorities: what they meant to restrict must not widen by a slip in a path.
pub(crate) fn without_the_machines(
    builder: ClientBuilder,
    settings: &Settings,
    error: reqwest::Error,
) -> Result<Client, SetupError> {
    let system = settings.system;
    if let Some(variable) = SAID_BY.into_iter().find(|name| env::var_os(name).is_some()) {
        return Err(SetupError::NoRoots { system, variable });
    }
    let mut roots = Vec::with_capacity(TLS_SERVER_ROOT_CERTS.len());
    for root in TLS_SERVER_ROOT_CERTS {
        let root = Certificate::from_der(root).map_err(|error| failed(system, error))?;
        roots.push(root);
    }
    tracing::warn!(
        system,
        "this machine has no certificate authorities; those built into skykey are believed"
    );
    // If it was not for want of authorities, the first error says more.
    builder
        .tls_certs_only(roots)
        .build()
        .map_err(|_| failed(system, error))
}

fn failed(system: &'static str, error: reqwest::Error) -> SetupError {
    SetupError::Client {
        system,
        why: told(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_that_is_built_in_can_be_read() {
        let roots = TLS_SERVER_ROOT_CERTS
            .iter()
            .map(|root| Certificate::from_der(root).unwrap());
        Client::builder().tls_certs_only(roots).build().unwrap();
        assert!(TLS_SERVER_ROOT_CERTS.len() > 100);
    }
}
