//! `POST /api/graph`: another graph for the run.
//!
//! Owns who may send what, and the form of the answer. Leaves reading, checking and changing to
//! whoever runs the graph, who hands it in as a function.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::problem::Problem;
use super::routes::Served;
use crate::graph::MOST_BYTES;
use crate::run::Changes;

/// Changes the run to the graph it is given, or to its own file's when it is given none. It may take seconds.
pub type Reload = Arc<dyn Fn(Option<String>) -> Reloaded + Send + Sync>;

/// What came of it. Findings are as `framegate check --format json` gives them.
pub enum Reloaded {
    Done {
        changes: Changes,
        findings: Vec<Value>,
    },
    /// The graph has errors, and the run goes on as it was.
    Unsound {
        findings: Vec<Value>,
    },
    /// It cannot be changed to that one, or not now, and goes on as it was.
    Impossible(String),
}

/// A caller waits no longer: a plugin that has to be compiled first takes its time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

/// `POST /api/graph`. Without a body, the run's own file is read again.
///
/// A graph says which files are written: only whoever has shown the right to may send one, and never
/// a page of somebody else's that is open in a browser here.
pub async fn reload(State(served): State<Served>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return unread(&rejection).into_response(),
    };
    let sent = match (body.is_empty(), served.access.is_open()) {
        (true, _) => None,
        (false, true) => return needs_tokens().into_response(),
        (false, false) => match String::from_utf8(body.into()) {
            Ok(text) => Some(text),
            Err(_) => {
                return Problem::new(StatusCode::BAD_REQUEST, "a graph is UTF-8 text").into_response();
            }
        },
    };
    let reload = Arc::clone(&served.reload);
    let under_way = tokio::task::spawn_blocking(move || reload(sent));
    match tokio::time::timeout(ANSWERED_WITHIN, under_way).await {
        Ok(Ok(reloaded)) => reloaded.into_response(),
        Ok(Err(_)) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the graph could not be changed; the log says why",
        )
        .into_response(),
        Err(_) => {
            let detail = "it is still being prepared; the log will say what came of it";
            (StatusCode::ACCEPTED, Json(json!({ "detail": detail }))).into_response()
        }
    }
}

fn unread(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a graph has at most {MOST_BYTES} bytes"))
        }
        status => Problem::new(status, "the body could not be read to its end"),
    }
}

fn needs_tokens() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "a graph is taken over HTTP only where server.tokens says who may send one; change the file and send \
         no body",
    )
}

impl IntoResponse for Reloaded {
    fn into_response(self) -> Response {
        match self {
            Reloaded::Done { changes, findings } => {
                let Changes { adjusted, replaced, added, removed } = changes;
                let body = json!({
                    "adjusted": adjusted,
                    "replaced": replaced,
                    "added": added,
                    "removed": removed,
                    "findings": findings,
                });
                Json(body).into_response()
            }
            Reloaded::Unsound { findings } => {
                let detail = "the graph has errors; the one that runs goes on as it was";
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_findings(findings).into_response()
            }
            Reloaded::Impossible(why) => Problem::new(StatusCode::CONFLICT, why).into_response(),
        }
    }
}
