//! The six requests of the OCI distribution specification that a plugin needs.
//!
//! Owns their paths, and that nothing longer than announced gets past. What arrives here is otherwise
//! anybody's word: `transfer` holds it against digests. Leaves the line and the login to `session`.

use ureq::http::{HeaderName, Method, StatusCode, header};

use super::artifact::{ACCEPTED, Layer, MANIFEST, MOST_OF_A_MANIFEST};
use super::fault::{Fault, fault};
use super::progress::Progress;
use super::reference::{Reference, Version};
use super::session::{Ask, Session};
use crate::node::Digest;

/// A repository in a registry.
pub struct Client {
    /// As in references, for messages.
    registry: String,
    session: Session,
}

impl Client {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// `registry-unreachable`: what it is to be trusted by is not there.
    pub fn of(reference: &Reference) -> Result<Client, Fault> {
        Ok(Client { registry: reference.registry.clone(), session: Session::about(reference)? })
    }

    /// The manifest of this version.
    ///
    /// # Errors
    /// `unknown-digest`, `bad-registry`, `registry-denied`, `registry-unreachable`.
    pub fn manifest(&mut self, version: &Version) -> Result<Vec<u8>, Fault> {
        let ask = self.get(&format!("manifests/{version}"), Some((header::ACCEPT, ACCEPTED)));
        let response = self.session.send(&ask)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(self.unknown(version)),
            status => return Err(self.session.refused(status)),
        }
        let manifest = self.session.read(response, MOST_OF_A_MANIFEST + 1, |_| {})?;
        match manifest.len() as u64 > MOST_OF_A_MANIFEST {
            true => Err(self.session.garbled("its manifest has no end")),
            false => Ok(manifest),
        }
    }

    /// The bytes of a layer: exactly as many as it is said to have.
    ///
    /// # Errors
    /// `bad-registry`, `registry-denied`, `registry-unreachable`.
    pub fn layer(&mut self, layer: &Layer, progress: &mut Progress) -> Result<Vec<u8>, Fault> {
        let ask = self.get(&format!("blobs/sha256:{}", layer.digest), None);
        let response = self.session.send(&ask)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(self.session.garbled("it has the plugin's manifest and not its layer"));
            }
            status => return Err(self.session.refused(status)),
        }
        let bytes = self.session.read(response, layer.size + 1, |bytes| progress.is_at(bytes))?;
        let said = layer.size;
        match bytes.len() as u64 {
            is if is == said => Ok(bytes),
            is if is > said => {
                Err(self.session.garbled(format!("it sends more than the {said} bytes it announced")))
            }
            is => Err(self.session.garbled(format!("it sent {is} of {said} bytes"))),
        }
    }

    /// Puts `blob` into the repository, unless it is there.
    ///
    /// # Errors
    /// As [`Client::layer`].
    pub fn upload(&mut self, blob: &[u8], digest: &Digest) -> Result<(), Fault> {
        let there = Ask { method: Method::HEAD, ..self.get(&format!("blobs/sha256:{digest}"), None) };
        if self.session.send(&there)?.status() == StatusCode::OK {
            return Ok(());
        }
        let begin = Ask { method: Method::POST, body: Some(&[]), ..self.get("blobs/uploads/", None) };
        let begun = self.session.send(&begin)?;
        if begun.status() != StatusCode::ACCEPTED {
            return Err(self.session.refused(begun.status()));
        }
        let location = begun.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| self.session.garbled("it does not say where to upload to"))?;
        let url = match location.starts_with('/') {
            true => format!("{}{location}", self.session.origin),
            false => location.to_owned(),
        };
        let url = format!("{url}{}digest=sha256:{digest}", if url.contains('?') { '&' } else { '?' });
        let header = Some((header::CONTENT_TYPE, "application/octet-stream"));
        self.put(Ask { method: Method::PUT, url, header, body: Some(blob) })
    }

    /// Puts a manifest there, whose blobs are there already.
    ///
    /// # Errors
    /// As [`Client::layer`].
    pub fn put_manifest(&mut self, version: &Version, manifest: &[u8]) -> Result<(), Fault> {
        let ask = self.get(&format!("manifests/{version}"), Some((header::CONTENT_TYPE, MANIFEST)));
        self.put(Ask { method: Method::PUT, body: Some(manifest), ..ask })
    }

    fn put(&mut self, ask: Ask<'_>) -> Result<(), Fault> {
        let status = self.session.send(&ask)?.status();
        if status == StatusCode::CREATED { Ok(()) } else { Err(self.session.refused(status)) }
    }

    fn get(&self, path: &str, header: Option<(HeaderName, &'static str)>) -> Ask<'static> {
        let url = format!("{}/v2/{}/{path}", self.session.origin, self.session.name);
        Ask { method: Method::GET, url, header, body: None }
    }

    fn unknown(&self, version: &Version) -> Fault {
        let Client { registry, session } = self;
        let name = &session.name;
        match version {
            Version::Exactly(digest) => fault(
                "unknown-digest",
                format!("{registry} has no \"{name}\" with the digest sha256:{digest}"),
                format!("`framegate plugin pull {registry}/{name}:TAG` prints the digest that a tag has now"),
            ),
            Version::Tagged(tag) => fault(
                "unknown-digest",
                format!("{registry} has no \"{name}\" with the tag \"{tag}\""),
                "write a tag that was pushed, or a digest",
            ),
        }
    }
}
