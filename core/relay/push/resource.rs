//! A WHIP server over HTTP: one POST that publishes, one DELETE that ends it.
//!
//! Owns the URL, the token and what may be said of them: neither a token, nor a query, nor a user
//! name ever appears in a message, and the token goes to the endpoint's own origin alone.

use std::time::Duration;

use ureq::http::{Response, header};
use ureq::{Agent, Body};

/// The whole of a request. A server that takes longer is tried again later.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const MOST_BYTES: u64 = 128 * 1024;
const SDP: &str = "application/sdp";

/// An endpoint, and how to get in.
pub struct Server {
    /// `https://sfu.example.org`
    origin: String,
    /// From the slash on, query included.
    path: String,
    token: Option<String>,
    agent: Agent,
}

/// What the server answered.
pub struct Published {
    pub answer: String,
    /// Where the session can be ended, if the server said so.
    pub resource: Option<String>,
}

/// Why it did not take the stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Turned {
    pub why: String,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Server {
    /// The endpoint at `url`.
    ///
    /// # Errors
    /// What is wrong with the URL, without telling what may be secret in it.
    pub fn at(url: &str, token: Option<String>) -> Result<Server, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        if !matches!(scheme, "http" | "https") {
            return Err("\"url\" must begin with http:// or https://".to_owned());
        }
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if host.contains('@') {
            return Err("\"url\" holds a user name or password; put what the server asks for into \"token\""
                .to_owned());
        }
        if host.is_empty() || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("\"url\" must name a host, as in https://sfu.example.org/whip".to_owned());
        }
        let path = path.split('#').next().unwrap_or("");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER_WITHIN));
        Ok(Server { origin: format!("{scheme}://{host}"), path, token, agent: agent.build().new_agent() })
    }

    /// For messages: without what follows a `?`.
    pub fn shown(&self) -> String {
        format!("{}{}", self.origin, self.path.split('?').next().unwrap_or(""))
    }

    /// Publishes by `offer`.
    ///
    /// # Errors
    /// Why there is no session.
    pub fn publish(&self, offer: &str) -> Result<Published, Turned> {
        let request =
            self.agent.post(format!("{}{}", self.origin, self.path)).header(header::CONTENT_TYPE, SDP);
        let request = match self.bearer() {
            Some(bearer) => request.header(header::AUTHORIZATION, bearer),
            None => request,
        };
        let unreached = |error: ureq::Error| Turned { why: unreached(&error), retry_after: None };
        let mut response = request.send(offer).map_err(unreached)?;
        if response.status() != 201 {
            return Err(refused(&response));
        }
        let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        let resource = location.map(|location| self.resolve(location));
        let body = response.body_mut().with_config().limit(MOST_BYTES).read_to_string();
        Ok(Published { answer: body.map_err(unreached)?, resource })
    }

    /// Ends the session at `resource`. What comes of it changes nothing for us.
    pub fn end(&self, resource: &str) {
        let request = self.agent.delete(resource);
        let request = match self.bearer().filter(|_| self.is_ours(resource)) {
            Some(bearer) => request.header(header::AUTHORIZATION, bearer),
            None => request,
        };
        let _ = request.call();
    }

    fn bearer(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    fn is_ours(&self, resource: &str) -> bool {
        resource.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'))
    }

    /// `Location` against the endpoint's own address (RFC 3986 §5.2, as far as servers use it).
    fn resolve(&self, location: &str) -> String {
        if location.contains("://") {
            return location.to_owned();
        }
        if let Some(rest) = location.strip_prefix("//") {
            let scheme = self.origin.split(':').next().unwrap_or("https");
            return format!("{scheme}://{rest}");
        }
        if location.starts_with('/') {
            return format!("{}{location}", self.origin);
        }
        let path = self.path.split('?').next().unwrap_or("/");
        let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        format!("{}{folder}{location}", self.origin)
    }
}

fn refused(response: &Response<Body>) -> Turned {
    let status = response.status();
    let why = match status.as_u16() {
        401 | 403 => format!("it answered {status}; \"token\" must be one that may publish there"),
        404 | 405 => format!("it answered {status}; \"url\" must be its WHIP endpoint"),
        200..300 => format!("it answered {status} where WHIP has 201; \"url\" must be its WHIP endpoint"),
        _ => format!("it answered {status}"),
    };
    let after =
        response.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    Turned { why, retry_after: after.map(Duration::from_secs) }
}

/// In our words: the library's may repeat the URL.
fn unreached(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("it did not answer within {} s", ANSWER_WITHIN.as_secs()),
        ureq::Error::HostNotFound => "its name has no address".to_owned(),
        ureq::Error::Io(error) => format!("it cannot be reached: {error}"),
        ureq::Error::ConnectionFailed => "it cannot be reached".to_owned(),
        ureq::Error::Rustls(error) => format!("its TLS is not to be trusted: {error}"),
        ureq::Error::BodyExceedsLimit(_) => "its answer is longer than 128 KiB".to_owned(),
        _ => "it spoke no HTTP that we understand".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server::at(url, Some("hush".to_owned())).unwrap()
    }

    #[test]
    fn a_url_that_cannot_be_published_to_is_refused_without_repeating_its_secrets() {
        for url in
            ["sfu.example.org/whip", "ftp://sfu.example.org", "https://", "https:///whip", "https://a b/"]
        {
            assert!(Server::at(url, None).is_err(), "{url}");
        }
        let why = Server::at("https://me:hush@sfu.example.org/", None).err().unwrap();
        assert!(why.contains("\"token\"") && !why.contains("hush"), "{why}");
        assert_eq!(server("https://sfu.example.org/whip?key=hush").shown(), "https://sfu.example.org/whip");
    }

    #[test]
    fn the_session_is_found_wherever_its_location_leads() {
        let server = server("https://sfu.example.org/a/whip?key=1");
        for (location, resource) in [
            ("https://other.example.org/s/1", "https://other.example.org/s/1"),
            ("//other.example.org/s/1", "https://other.example.org/s/1"),
            ("/s/1", "https://sfu.example.org/s/1"),
            ("whip/1", "https://sfu.example.org/a/whip/1"),
        ] {
            assert_eq!(server.resolve(location), resource);
        }
    }

    #[test]
    fn the_token_goes_to_its_own_origin_alone() {
        let server = server("https://sfu.example.org/whip");
        assert!(server.is_ours("https://sfu.example.org/s/1"));
        assert!(!server.is_ours("https://sfu.example.org.evil.example/s/1"));
        assert!(!server.is_ours("http://sfu.example.org/s/1"));
    }
}
