//! A conversation with one registry: who is there, over which line, and how much is listened to.
//!
//! Owns the connection, the account, the bounds on what is read, and the words for what goes wrong. A
//! password or token goes to the registry's own origin and to the token service it names, over TLS
//! unless both are this machine, and only after it was asked for. Leaves to `client` what is asked.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;
use ureq::http::{HeaderName, Method, Request, Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::account::{self, AUTHORITY, Account};
use super::challenge::Challenge;
use super::fault::{Fault, fault};
use super::reference::Reference;

const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// From the request being sent to the head of the answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// A whole plugin, 64 MiB at the most, over a slow line.
const DONE_WITHIN: Duration = Duration::from_secs(600);
/// A token has a few kilobytes.
const MOST_OF_A_TOKEN: u64 = 64 << 10;

/// What is said to a registry about one of its repositories, and heard from it.
pub struct Session {
    /// As in references, for messages.
    registry: String,
    pub name: String,
    /// `https://registry.example.org`
    pub origin: String,
    is_local: bool,
    account: Account,
    /// What was last asked for and given.
    authorization: Option<String>,
    agent: Agent,
}

/// One request.
pub struct Ask<'a> {
    pub method: Method,
    pub url: String,
    pub header: Option<(HeaderName, &'static str)>,
    pub body: Option<&'a [u8]>,
}

impl Session {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// `registry-unreachable`: there are no certificates where it is to be trusted by some.
    pub fn about(reference: &Reference) -> Result<Session, Fault> {
        let (registry, is_local) = (reference.registry.clone(), reference.is_local());
        let origin = match registry.as_str() {
            // The name that everybody writes, and the host that answers.
            "docker.io" => "https://registry-1.docker.io".to_owned(),
            host if is_local => format!("http://{host}"),
            host => format!("https://{host}"),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!is_local)
            .user_agent(concat!("framegate/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECTED_WITHIN))
            .timeout_recv_response(Some(ANSWERED_WITHIN))
            .timeout_global(Some(DONE_WITHIN));
        // No proxy stands between this machine and itself.
        let config = if is_local { config.proxy(None) } else { config };
        let account = Account::at(&registry);
        let config = match &account.authority {
            Some(file) => config.tls_config(trusting(file)?),
            None => config,
        };
        let (name, agent) = (reference.name.clone(), config.build().new_agent());
        Ok(Session { registry, name, origin, is_local, account, authorization: None, agent })
    }

    /// Sends, and once more when the registry asks who is there.
    pub fn send(&mut self, ask: &Ask<'_>) -> Result<Response<Body>, Fault> {
        let response = self.send_once(ask)?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let asked = response.headers().get_all(header::WWW_AUTHENTICATE);
        let challenge = asked.iter().find_map(|asked| Challenge::read(asked.to_str().ok()?));
        self.authorization = Some(match challenge {
            Some(Challenge::Basic) => self.account.basic().ok_or_else(|| self.denied(response.status()))?,
            Some(Challenge::Bearer { realm, service, scope }) => {
                self.token(&realm, service.as_deref(), scope.as_deref())?
            }
            None => return Err(self.garbled("it asks for a way to log in that is neither basic nor bearer")),
        });
        self.send_once(ask)
    }

    fn send_once(&self, ask: &Ask<'_>) -> Result<Response<Body>, Fault> {
        let mut request = Request::builder().method(&ask.method).uri(&ask.url);
        if let Some((name, value)) = &ask.header {
            request = request.header(name, *value);
        }
        // An upload may lead elsewhere; whoever is there has no business with what opens this one.
        let is_ours = ask.url.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'));
        if let Some(authorization) = self.authorization.as_ref().filter(|_| is_ours) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let sent = match ask.body {
            Some(body) => request.body(body).map_err(ureq::Error::from).and_then(|it| self.agent.run(it)),
            None => request.body(()).map_err(ureq::Error::from).and_then(|it| self.agent.run(it)),
        };
        sent.map_err(|error| self.unreached(&error))
    }

    /// A token from the service that the registry names.
    fn token(&self, realm: &str, service: Option<&str>, scope: Option<&str>) -> Result<String, Fault> {
        if !self.may_be_told(realm) {
            return Err(self.garbled("its token service is reached without TLS"));
        }
        let mut request = self.agent.get(realm);
        if let Some(service) = service {
            request = request.query("service", service);
        }
        let usual = format!("repository:{}:pull", self.name);
        request = request.query("scope", scope.unwrap_or(&usual));
        if let Some(basic) = self.account.basic() {
            request = request.header(header::AUTHORIZATION, basic);
        }
        let response = request.call().map_err(|error| self.unreached(&error))?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(response.status()));
        }
        let answer = self.read(response, MOST_OF_A_TOKEN, |_| {})?;
        let answer: Json = serde_json::from_slice(&answer).unwrap_or_default();
        let token = answer["token"].as_str().or(answer["access_token"].as_str());
        let token = token.ok_or_else(|| self.garbled("its token service gives no token"))?;
        Ok(format!("Bearer {token}"))
    }

    /// Whether a password may be sent to `url`.
    fn may_be_told(&self, url: &str) -> bool {
        let Ok(url) = url.parse::<Uri>() else { return false };
        let is_here = matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        url.scheme_str() == Some("https") || (self.is_local && is_here)
    }

    /// The body, or as much of it as `most` bytes.
    pub fn read(
        &self,
        response: Response<Body>,
        most: u64,
        mut at: impl FnMut(u64),
    ) -> Result<Vec<u8>, Fault> {
        let mut body = response.into_body().into_reader().take(most);
        let (mut bytes, mut piece) = (Vec::new(), vec![0; 64 << 10]);
        loop {
            match body.read(&mut piece) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken_off(error, bytes.len())),
            }
            at(bytes.len() as u64);
        }
    }

    fn broken_off(&self, error: io::Error, after: usize) -> Fault {
        match ureq::Error::from(error) {
            error @ ureq::Error::Timeout(_) => self.unreached(&error),
            _ => self.garbled(format!("its answer breaks off after {after} bytes")),
        }
    }

    pub fn refused(&self, status: StatusCode) -> Fault {
        match status.as_u16() {
            401 | 403 => self.denied(status),
            429 | 500.. => fault(
                "registry-unreachable",
                format!("{} answers {status}", self.registry),
                "try again later; what was fetched once needs its registry no more",
            ),
            _ => self.garbled(format!("it answers {status}")),
        }
    }

    fn denied(&self, status: StatusCode) -> Fault {
        let Session { registry, name, account, .. } = self;
        fault(
            "registry-denied",
            format!("{registry} answers {status} for \"{name}\", asked {}", account.source),
            account::advice(registry),
        )
    }

    pub fn garbled(&self, what: impl std::fmt::Display) -> Fault {
        fault(
            "bad-registry",
            format!("{} is no registry that can be used: {what}", self.registry),
            "check the name and port in front of the first /; if they are right, tell whoever runs it",
        )
    }

    fn untrusted(&self, why: &str) -> Fault {
        fault(
            "registry-unreachable",
            format!("{} cannot be reached: its TLS is not to be trusted: {why}", self.registry),
            format!(
                "its certificate must be one that browsers trust, or be in the file that {AUTHORITY} names"
            ),
        )
    }

    /// In our words: the library's may repeat a URL.
    fn unreached(&self, error: &ureq::Error) -> Fault {
        let why = match error {
            ureq::Error::Timeout(_) => "it does not answer in time".to_owned(),
            ureq::Error::HostNotFound => "its name has no address".to_owned(),
            ureq::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return self.garbled("it closes the connection without an answer");
            }
            // What rustls finds wrong while hands are shaken comes as this.
            ureq::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                return self.untrusted(&error.to_string());
            }
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::ConnectionFailed => "nobody is there".to_owned(),
            ureq::Error::Rustls(error) => return self.untrusted(&error.to_string()),
            ureq::Error::Tls(error) => return self.untrusted(error),
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
                "the proxy of the environment does not let us through".to_owned()
            }
            ureq::Error::RequireHttpsOnly(_) => return self.garbled("it leads to an address without TLS"),
            _ => return self.garbled("it speaks no HTTP that we understand"),
        };
        fault(
            "registry-unreachable",
            format!("{} cannot be reached: {why}", self.registry),
            "check its name and the network; what was fetched once needs its registry no more",
        )
    }
}

/// Trusts the certificates in this file and no others.
fn trusting(file: &Path) -> Result<TlsConfig, Fault> {
    let wrong = |why: String| {
        fault(
            "registry-unreachable",
            format!("{} cannot be read: {why}", file.display()),
            format!("{AUTHORITY} must name a file of certificates in PEM"),
        )
    };
    let pem = fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let certificate = |item: Result<PemItem<'static>, _>| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem).filter_map(certificate).collect();
    match certificates.is_empty() {
        true => Err(wrong("it holds no certificate".to_owned())),
        false => Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_go_over_tls_or_stay_on_this_machine() {
        let session =
            |registry: &str| Session::about(&Reference::bare(&format!("{registry}/night")).unwrap()).unwrap();
        let (far, near) = (session("registry.example.org"), session("localhost:5000"));
        assert_eq!(far.origin, "https://registry.example.org");
        assert_eq!(near.origin, "http://localhost:5000");
        assert!(far.may_be_told("https://auth.example.org/token"));
        assert!(
            near.may_be_told("http://127.0.0.1:5001/token") && near.may_be_told("http://[::1]:5001/token")
        );
        for url in [
            "http://auth.example.org/token",
            "http://localhost/token",
            "token",
            "http://localhost@evil.example/",
        ] {
            assert!(!far.may_be_told(url), "{url}");
        }
        assert!(!near.may_be_told("http://auth.example.org/token"));
        assert!(!near.may_be_told("http://localhost@evil.example/"));
    }
}
