//! HTTPS by a certificate and a key from files, read again when they change.
//!
//! Whether they have changed is asked when somebody connects: no thread watches, and a renewed
//! certificate holds from the next connection on. Files that cannot be used leave the old ones in
//! force, and the log says so once.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::graph::Tls;

/// Hands out what a new connection is encrypted with.
pub struct Certificates {
    files: Tls,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    seen: Seen,
}

/// What tells one state of both files from another.
type Seen = [Option<(SystemTime, u64)>; 2];

impl Certificates {
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn load(files: Tls) -> io::Result<Certificates> {
        let seen = seen(&files);
        let acceptor = acceptor(&files)?;
        Ok(Certificates { files, current: Mutex::new(Current { acceptor, seen }) })
    }

    /// For one connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = seen(&self.files);
        if now != current.seen {
            current.seen = now;
            match acceptor(&self.files) {
                Ok(renewed) => {
                    current.acceptor = renewed;
                    tracing::info!(
                        "the changed certificate {} is in force",
                        self.files.certificate.display()
                    );
                }
                // One of the two may not be written yet; its change brings us here again.
                Err(error) => tracing::warn!("{error}; the certificate read before stays in force"),
            }
        }
        current.acceptor.clone()
    }
}

fn seen(files: &Tls) -> Seen {
    [&files.certificate, &files.key].map(|path| {
        let about = fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    })
}

fn acceptor(files: &Tls) -> io::Result<TlsAcceptor> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unusable("key", &files.key, &error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut config = config.map_err(|error| {
        let both = format!("{} with the key {}", files.certificate.display(), files.key.display());
        io::Error::other(format!("server.tls: cannot use the certificate {both}: {error}"))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let unusable = |why: String| unusable("certificate", path, &why);
    let chain = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|error| unusable(error.to_string()))?;
    match chain.is_empty() {
        true => Err(unusable("there is no PEM certificate in it".to_owned())),
        false => Ok(chain),
    }
}

fn unusable(key: &str, path: &Path, why: &str) -> io::Error {
    io::Error::other(format!("server.tls.{key}: cannot read {}: {why}", path.display()))
}
