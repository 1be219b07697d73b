//! Who may call at all: the one place every request passes before anything of it is read.
//!
//! It answers to its own names only (`names`), and takes no more offers from one address than the
//! graph allows (`limit`; a restart of ICE counts as one, in `signalling`). What a token is needed for is said where the routes are put together.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::Caller;
use super::limit::Spent;
use super::names::Names;
use super::problem::Problem;
use super::routes::Served;

/// Every answer is made in milliseconds; a request that takes longer is one whose body never ends.
const LONGEST_REQUEST: Duration = Duration::from_secs(10);

/// Answers `request`, and marks the answer as what it says it is: a browser must not guess.
pub async fn admit(State(names): State<Arc<Names>>, request: Request, next: Next) -> Response {
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        // RFC 9112 §3.2: a proxy before us may have gone by the other one.
        let why = "a request has one Host header, got several";
        return Problem::new(StatusCode::BAD_REQUEST, why).into_response();
    }
    if let Some(name) = misdirected(&names, &request) {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            format!("this server is not called \"{name}\"; add the name to server.additional_hosts if it is"),
        )
        .into_response();
    }
    let mut response = tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await.unwrap_or_else(|_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "the request did not come to its end in 10 s")
            .into_response()
    });
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Takes no more offers from one address than its share.
pub async fn ration(State(served): State<Served>, request: Request, next: Next) -> Response {
    let is_offer = request.method() == Method::POST;
    let caller = request.extensions().get::<Caller>().filter(|_| is_offer);
    match caller.map_or(Spent::Within, |caller| served.limit.spend(caller)) {
        Spent::Within => next.run(request).await,
        Spent::TooMuch => Problem::too_many_requests().into_response(),
    }
}

/// The name the request was made out to, where it is none of ours. Browsers always give one.
fn misdirected(names: &Names, request: &Request) -> Option<String> {
    let host = request.headers().get(header::HOST)?;
    let host = String::from_utf8_lossy(host.as_bytes()).into_owned();
    (!names.answer_to(&host)).then_some(host)
}
