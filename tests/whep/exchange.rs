//! One HTTP request and all there is to know of its answer.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request};

use super::OFFER;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The header's value, or nothing when it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header is text"))
    }

    /// Every value of a header that may come more than once.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().expect("a header is text")).collect()
    }

    /// What the server says is wrong, after making sure that it says so in the agreed form.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).expect("a problem is JSON");
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{self:?}");
        problem["detail"].as_str().expect("a problem says what is wrong").to_owned()
    }
}

/// Sends a request with these headers. Nothing is followed: a redirect would be an answer.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(60)));
    let agent = config.build().new_agent();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.to_owned()).expect("tests send well-formed requests");
    let mut response = agent.run(request).unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.body_mut().read_to_string().expect("answers are text");
    Answer { status, headers, body }
}

pub fn get(url: &str) -> Answer {
    send("GET", url, &[], "")
}

pub fn json(url: &str) -> Value {
    serde_json::from_str(&get(url).body).unwrap_or_else(|error| panic!("{url}: {error}"))
}

pub fn offer(endpoint: &str, sdp: &str) -> Answer {
    send("POST", endpoint, &[("Content-Type", "application/sdp")], sdp)
}

/// A session that was opened, and its entity tag.
pub fn open(endpoint: &str) -> (String, String) {
    let answer = offer(endpoint, OFFER);
    assert_eq!(answer.status, 201, "{answer:?}");
    (session_of(endpoint, &answer), answer.header("etag").to_owned())
}

/// `Location` as a browser would resolve it.
pub fn session_of(endpoint: &str, answer: &Answer) -> String {
    let location = answer.header("location");
    let (folder, _) = endpoint.rsplit_once('/').expect("an endpoint has a path");
    assert!(!location.is_empty() && !location.contains("//") && !location.starts_with('/'), "{location}");
    format!("{folder}/{location}")
}
