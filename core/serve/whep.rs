//! WHEP (draft-ietf-wish-whep-03, and RFC 9725 where it leans on it): requests into questions for
//! the relay, and its verdicts into statuses.
//!
//! Owns headers and statuses. Leaves SDP, ICE and the life of a session to `relay`.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, patch, post};

use super::problem::Problem;
use super::routes::Served;
use crate::graph::IceServer;
use crate::relay::{Closed, Refusal};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// The longest body read. A browser's offer has 5 to 10 KiB.
const MOST_BYTES: usize = 128 * 1024;

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

type Body = Result<Bytes, BytesRejection>;

/// `/{relay}/whep`
pub fn endpoint() -> MethodRouter<Served> {
    post(offer).get(endpoint_exists).options(describe_endpoint).layer(DefaultBodyLimit::max(MOST_BYTES))
}

/// `/{relay}/whep/{session}`
pub fn session() -> MethodRouter<Served> {
    patch(trickle)
        .delete(end)
        .get(session_exists)
        .options(describe_session)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
}

async fn offer(
    State(served): State<Served>,
    Path(relay): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let offer = text(&headers, SDP, body)?;
    served.hub.wake(&relay).await;
    let answer = served.hub.offer(&relay, &offer)?;
    let described = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        // Relative to the endpoint, so that it holds behind a proxy that serves us under another path.
        (header::LOCATION, format!("whep/{}", answer.session)),
        (header::ETAG, answer.etag),
        (ACCEPT_PATCH, FRAGMENT.to_owned()),
    ];
    Ok((StatusCode::CREATED, ice_links(&served), described, answer.sdp).into_response())
}

async fn trickle(
    State(served): State<Served>,
    Path((relay, session)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    known(&served, &relay)?;
    let fragment = text(&headers, FRAGMENT, body)?;
    let tag = headers.get(header::IF_MATCH).and_then(|tag| tag.to_str().ok()).ok_or_else(|| {
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "send the session's ETag as `If-Match`")
    })?;
    // RFC 9725 §4.3.3 writes the star of an ICE restart in quotes, RFC 9110 without.
    let tag = if tag == "\"*\"" { "*" } else { tag };
    served.hub.trickle(&session, tag, &fragment)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end(
    State(served): State<Served>,
    Path((relay, session)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    known(&served, &relay)?;
    match served.hub.close(&session) {
        Closed::Ended => Ok(StatusCode::OK),
        Closed::NoSuchSession => Err(Refusal::NoSuchSession.into()),
    }
}

/// GET and HEAD, which some clients send first: nothing to see, nothing wrong.
async fn endpoint_exists(
    State(served): State<Served>,
    Path(relay): Path<String>,
) -> Result<StatusCode, Problem> {
    known(&served, &relay)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn session_exists() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Says what may be sent, and which ICE servers to use, for clients that must know them before they
/// make an offer (RFC 9725 §4.6).
async fn describe_endpoint(State(served): State<Served>) -> impl IntoResponse {
    (ice_links(&served), [(header::ALLOW, "GET, HEAD, POST, OPTIONS"), (ACCEPT_POST, SDP)])
}

fn ice_links(served: &Served) -> HeaderMap {
    let mut links = HeaderMap::new();
    for link in served.ice_servers.iter() {
        links.append(header::LINK, link.clone());
    }
    links
}

async fn describe_session() -> impl IntoResponse {
    [(header::ALLOW, "GET, HEAD, PATCH, DELETE, OPTIONS"), (ACCEPT_PATCH, FRAGMENT)]
}

/// One `Link` header for each address of a STUN or TURN server (WHEP §4.4).
pub fn links(server: &IceServer) -> impl Iterator<Item = HeaderValue> {
    let account = server.account.as_ref().map_or_else(String::new, |(user, credential)| {
        let (user, credential) = (quoted(user), quoted(credential.reveal()));
        format!("; username={user}; credential={credential}; credential-type=\"password\"")
    });
    server.urls.iter().filter_map(move |url| {
        let mut link = HeaderValue::from_str(&format!("<{url}>; rel=\"ice-server\"{account}")).ok()?;
        link.set_sensitive(true);
        Some(link)
    })
}

/// A quoted string of RFC 9110 §5.6.4.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn known(served: &Served, relay: &str) -> Result<(), Refusal> {
    match served.has_relay(relay) {
        true => Ok(()),
        false => Err(Refusal::NoSuchStream(relay.to_owned())),
    }
}

/// The body, if it is what its route takes.
fn text(headers: &HeaderMap, kind: &'static str, body: Body) -> Result<String, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or("");
    let essence = given.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case(kind) {
        let detail = format!("this address takes {kind}, got \"{given}\"");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
            .with(if kind == SDP { ACCEPT_POST } else { ACCEPT_PATCH }, HeaderValue::from_static(kind)));
    }
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {MOST_BYTES} bytes"))
        }
        status => Problem::new(status, "the body could not be read to its end"),
    })?;
    String::from_utf8(bytes.into())
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, format!("the {kind} body is not UTF-8 text")))
}
