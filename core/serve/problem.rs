//! What a caller is told when a request cannot be met: `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::relay::Refusal;

/// Long enough to be a relief, short enough for a person to wait.
const AFTER_TOO_MANY: Duration = Duration::from_secs(5);

/// A refused request. The status says what kind, the detail says what to do.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// What is wrong with a graph, where that is the problem.
    findings: Vec<Value>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem { status, detail: detail.into(), header: None, findings: Vec::new() }
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.header = Some((name, value));
        self
    }

    #[must_use]
    pub fn with_findings(mut self, findings: Vec<Value>) -> Problem {
        self.findings = findings;
        self
    }

    /// Whole seconds, at least one: `Retry-After: 0` would ask for a storm.
    fn retry_after(self, wait: Duration) -> Problem {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        self.with(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)))
    }

    /// One address asks for more than its share.
    pub fn too_many_requests() -> Problem {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests from this address; server.offers_per_minute is the limit",
        )
        .retry_after(AFTER_TOO_MANY)
    }

    pub fn no_such_page() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address; the page is at /")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("refused");
        let mut body = json!({ "title": title, "status": self.status.as_u16(), "detail": self.detail });
        if !self.findings.is_empty() {
            body["findings"] = Value::Array(self.findings);
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.header);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let because = |status| Problem::new(status, refusal.to_string());
        match &refusal {
            Refusal::NoSuchStream(_) | Refusal::NoSuchSession => because(StatusCode::NOT_FOUND),
            Refusal::BadSdp(_) | Refusal::BadFragment(_) => because(StatusCode::BAD_REQUEST),
            Refusal::NoH264(_) => because(StatusCode::NOT_ACCEPTABLE),
            Refusal::StaleTag => because(StatusCode::PRECONDITION_FAILED),
            Refusal::CannotRestart(_) => because(StatusCode::UNPROCESSABLE_ENTITY),
            Refusal::TooOften => Problem::too_many_requests(),
            Refusal::NotLive { retry_after, .. } | Refusal::Taken { retry_after, .. } => {
                because(StatusCode::CONFLICT).retry_after(*retry_after)
            }
            Refusal::Full { retry_after, .. } | Refusal::NotOpen { retry_after } => {
                because(StatusCode::SERVICE_UNAVAILABLE).retry_after(*retry_after)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_the_status_that_whep_and_whip_give_it() {
        let retry_after = Duration::from_millis(1200);
        let stream = || "live".to_owned();
        let cases = [
            (Refusal::NoSuchStream(stream()), 404),
            (Refusal::NoSuchSession, 404),
            (Refusal::BadSdp("x".to_owned()), 400),
            (Refusal::BadFragment("x".to_owned()), 400),
            (Refusal::NoH264("x".to_owned()), 406),
            (Refusal::StaleTag, 412),
            (Refusal::CannotRestart("x".to_owned()), 422),
            (Refusal::TooOften, 429),
            (Refusal::NotLive { stream: stream(), retry_after }, 409),
            (Refusal::Taken { entrance: stream(), retry_after }, 409),
            (Refusal::Full { stream: stream(), most: 2, retry_after }, 503),
            (Refusal::NotOpen { retry_after }, 503),
        ];
        for (refusal, status) in cases {
            let wanted = match status {
                409 | 503 => Some("2"),
                429 => Some("5"),
                _ => None,
            };
            let response = Problem::from(refusal.clone()).into_response();
            assert_eq!(response.status().as_u16(), status, "{refusal:?}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap());
            assert_eq!(retry, wanted, "{refusal:?}");
        }
    }
}
