//! Who may call at all: the one place every request passes before anything of it is read.
//!
//! Today it lets everybody in, which is why the server listens on loopback unless told otherwise.
//! Bearer tokens and limits per address belong here, and nowhere else.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Every answer is made in milliseconds; a request that takes longer is one whose body never ends.
const LONGEST_REQUEST: Duration = Duration::from_secs(10);

/// Answers `request`, and marks the answer as what it says it is: a browser must not guess.
pub async fn admit(request: Request, next: Next) -> Response {
    let mut response = tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await.unwrap_or_else(|_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "the request did not come to its end in 10 s")
            .into_response()
    });
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
