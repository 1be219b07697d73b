//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03, which leans on it): requests into questions for
//! the relay, and its verdicts into statuses.
//!
//! Owns headers and statuses. Leaves SDP, ICE and the life of a session to `relay`. Which way media
//! goes makes no difference to any of this but for who is asked.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Extension, Router};

use super::caller::Caller;
use super::limit::Spent;
use super::problem::Problem;
use super::routes::Served;
use crate::graph::IceServer;
use crate::relay::{Answer, Closed, Refusal, Trickled};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// The longest body read. A browser's offer has 5 to 10 KiB.
const MOST_BYTES: usize = 128 * 1024;

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

type Body = Result<Bytes, BytesRejection>;

/// Who sends media to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// We send; the endpoint of a relay.
    Whep,
    /// We receive; the endpoint of a `whip` node.
    Whip,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Protocol::Whep => "whep",
            Protocol::Whip => "whip",
        }
    }

    async fn answer(self, served: &Served, node: &str, offer: &str) -> Result<Answer, Refusal> {
        match self {
            Protocol::Whep => {
                served.hub.wake(node).await;
                served.hub.offer(node, offer)
            }
            Protocol::Whip => served.hub.publish(node, offer),
        }
    }

    fn known(self, served: &Served, node: &str) -> Result<(), Refusal> {
        let is_known = match self {
            Protocol::Whep => served.has_relay(node),
            Protocol::Whip => served.has_entrance(node),
        };
        is_known.then_some(()).ok_or_else(|| Refusal::NoSuchStream(node.to_owned()))
    }
}

/// The endpoint of every node, and its sessions.
pub fn routes(protocol: Protocol) -> Router<Served> {
    let endpoint = post(offer).get(endpoint_exists).options(describe_endpoint);
    let session = patch(trickle).delete(end).get(session_exists).options(describe_session);
    Router::new()
        .route(&format!("/{{node}}/{}", protocol.name()), endpoint)
        .route(&format!("/{{node}}/{}/{{session}}", protocol.name()), session)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(Extension(protocol))
}

async fn offer(
    State(served): State<Served>,
    Extension(protocol): Extension<Protocol>,
    Path(node): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let offer = text(&headers, SDP, body)?;
    let answer = protocol.answer(&served, &node, &offer).await?;
    let described = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        // Relative to the endpoint, so that it holds behind a proxy that serves us under another path.
        (header::LOCATION, format!("{}/{}", protocol.name(), answer.session)),
        (header::ETAG, answer.etag),
        (ACCEPT_PATCH, FRAGMENT.to_owned()),
    ];
    Ok((StatusCode::CREATED, ice_links(&served), described, answer.sdp).into_response())
}

async fn trickle(
    State(served): State<Served>,
    Extension(protocol): Extension<Protocol>,
    Path((node, session)): Path<(String, String)>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    protocol.known(&served, &node)?;
    let fragment = text(&headers, FRAGMENT, body)?;
    let tag = headers.get(header::IF_MATCH).and_then(|tag| tag.to_str().ok()).ok_or_else(|| {
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "send the session's ETag as `If-Match`")
    })?;
    // RFC 9725 §4.3.3 writes the star of an ICE restart in quotes, RFC 9110 without.
    let tag = if tag == "\"*\"" { "*" } else { tag };
    let may_restart = || caller.is_none_or(|caller| served.limit.spend(&caller) == Spent::Within);
    Ok(match served.hub.trickle(&node, &session, tag, &fragment, may_restart)? {
        Trickled::Candidates => StatusCode::NO_CONTENT.into_response(),
        Trickled::Restarted { fragment, etag } => {
            ([(header::CONTENT_TYPE, FRAGMENT.to_owned()), (header::ETAG, etag)], fragment).into_response()
        }
    })
}

async fn end(
    State(served): State<Served>,
    Extension(protocol): Extension<Protocol>,
    Path((node, session)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    protocol.known(&served, &node)?;
    match served.hub.close(&node, &session) {
        Closed::Ended => Ok(StatusCode::OK),
        Closed::NoSuchSession => Err(Refusal::NoSuchSession.into()),
    }
}

/// GET and HEAD, which some clients send first: nothing to see, nothing wrong.
async fn endpoint_exists(
    State(served): State<Served>,
    Extension(protocol): Extension<Protocol>,
    Path(node): Path<String>,
) -> Result<StatusCode, Problem> {
    protocol.known(&served, &node)?;
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
