//! Which web pages of other origins may use WHEP: the `allow_origins` of the server section.
//!
//! Written out because a preflight of WHEP is answered 204 while a plain OPTIONS of the same address
//! is answered 200 by the route itself; ready-made layers take every OPTIONS for a preflight.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const ALLOWED_METHODS: &str = "GET, HEAD, POST, PATCH, DELETE, OPTIONS";
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, If-Match";
const EXPOSED_HEADERS: &str = "Location, ETag, Link, Accept-Patch, Retry-After";
/// Ten minutes: short enough that a changed setting is felt, long enough to spare round trips.
const PREFLIGHT_HOLDS: &str = "600";

/// The origins that may call from their own pages.
#[derive(Debug)]
pub enum Origins {
    Any,
    These(Vec<String>),
}

impl Origins {
    /// `*` anywhere in the list means any. A trailing slash is forgiven: an origin has none.
    pub fn new(written: &[String]) -> Origins {
        match written.iter().any(|origin| origin == "*") {
            true => Origins::Any,
            false => Origins::These(
                written.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect(),
            ),
        }
    }

    /// What `Access-Control-Allow-Origin` says to a page of `origin`; `None` keeps it out.
    fn answer(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::These(these) => {
                let asked = origin.to_str().ok()?.to_ascii_lowercase();
                these.contains(&asked).then(|| origin.clone())
            }
        }
    }
}

/// Answers preflights, and tells a browser whether the page that asked may see the answer.
pub async fn allow(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = match is_preflight(&request) {
        true => preflight(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    match origin.and_then(|origin| origins.answer(&origin)) {
        Some(allowed) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
        // An origin that is not allowed gets no list of what would be.
        None => {
            headers.remove(header::ACCESS_CONTROL_ALLOW_METHODS);
            headers.remove(header::ACCESS_CONTROL_ALLOW_HEADERS);
        }
    }
    response
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    set(headers, header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_HOLDS);
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(written: &[&str], origin: &'static str) -> Option<String> {
        let written: Vec<String> = written.iter().map(|&text| text.to_owned()).collect();
        let answer = Origins::new(&written).answer(&HeaderValue::from_static(origin));
        answer.map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn only_listed_origins_may_call_from_their_own_pages() {
        assert_eq!(answer(&["https://a.test/"], "https://a.test").as_deref(), Some("https://a.test"));
        assert_eq!(answer(&["https://a.test"], "https://b.test"), None);
        assert_eq!(answer(&["https://a.test"], "https://a.test.evil"), None);
        assert_eq!(answer(&[], "null"), None);
    }

    #[test]
    fn a_star_lets_any_origin_in() {
        assert_eq!(answer(&["https://a.test", "*"], "https://b.test").as_deref(), Some("*"));
    }
}
