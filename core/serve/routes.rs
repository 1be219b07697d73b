//! Which address answers what. The one place where routes are put together.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;

use super::cors::Origins;
use super::names::Names;
use super::problem::Problem;
use super::{api, cors, guard, metrics, page, whep};
use crate::relay::Hub;
use crate::run::Watch;

/// What every route may ask.
#[derive(Clone)]
pub struct Served {
    pub hub: Hub,
    pub watch: Watch,
    pub origins: Arc<Origins>,
    pub names: Arc<Names>,
}

impl Served {
    pub fn new(hub: Hub, watch: Watch) -> Served {
        let server = &watch.plan().server;
        let origins = Arc::new(Origins::new(&server.allow_origins));
        let names = Arc::new(Names::new(server.listen, &server.additional_hosts));
        Served { hub, watch, origins, names }
    }

    /// Whether a relay node called `name` is running.
    pub fn has_relay(&self, name: &str) -> bool {
        self.hub.streams().iter().any(|stream| stream == name)
    }
}

/// Every route. Relays are named by node ids, which begin with a letter: the page's own files live
/// under `/_page`, where no relay can be.
pub fn all(served: Served) -> Router {
    let whep = Router::new()
        .route("/{relay}/whep", whep::endpoint())
        .route("/{relay}/whep/{session}", whep::session())
        .route_layer(middleware::from_fn_with_state(Arc::clone(&served.origins), cors::allow));
    Router::new()
        .merge(whep)
        .route("/", get(page::index))
        .route("/_page/{file}", get(page::file))
        .route("/{relay}", get(page::player))
        .route("/healthz", get(api::health))
        .route("/metrics", get(metrics::scrape))
        .route("/api/graph", get(api::graph))
        .route("/api/relays", get(api::relays))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
        })
        .fallback(async || Problem::no_such_page())
        .layer(middleware::from_fn_with_state(Arc::clone(&served.names), guard::admit))
        .with_state(served)
}
