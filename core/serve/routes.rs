//! Which address answers what. The one place where routes are put together.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::routing::{get, post};

use super::access::Access;
use super::cors::Origins;
use super::limit::Limit;
use super::names::Names;
use super::problem::Problem;
use super::reload::Reload;
use super::signalling::{self, Protocol};
use super::{access, api, cors, guard, metrics, page, reload};
use crate::graph::MOST_BYTES;
use crate::relay::Hub;
use crate::run::Watch;

/// What every route may ask.
#[derive(Clone)]
pub struct Served {
    pub hub: Hub,
    pub watch: Watch,
    pub reload: Reload,
    pub origins: Arc<Origins>,
    pub names: Arc<Names>,
    pub access: Arc<Access>,
    pub limit: Arc<Limit>,
    /// What every answered offer says of STUN and TURN servers.
    pub ice_servers: Arc<Vec<HeaderValue>>,
}

impl Served {
    pub fn new(hub: Hub, watch: Watch, reload: Reload) -> Served {
        let plan = watch.plan();
        let server = &plan.server;
        let origins = Arc::new(Origins::new(&server.allow_origins));
        let names = Arc::new(Names::new(server.listen, &server.additional_hosts));
        let access = Arc::new(Access::new(&server.tokens));
        let limit = Arc::new(Limit::new(server.offers_per_minute));
        let ice_servers = Arc::new(server.ice_servers.iter().flat_map(signalling::links).collect());
        Served { hub, watch, reload, origins, names, access, limit, ice_servers }
    }

    /// Whether a relay node called `name` is running.
    pub fn has_relay(&self, name: &str) -> bool {
        self.hub.streams().iter().any(|stream| stream == name)
    }

    /// Whether a node that can be published to, called `name`, is running.
    pub fn has_entrance(&self, name: &str) -> bool {
        self.hub.entrances().iter().any(|entrance| entrance == name)
    }
}

/// Every route, and which of them wants a token. Relays are named by node ids, which begin with a letter: the page's own files live
/// under `/_page`, where no relay can be.
pub fn all(served: Served) -> Router {
    let view = || middleware::from_fn_with_state(served.clone(), access::may_view);
    // What costs something is counted before it is done, and a wrong token before it is answered.
    let ration = || middleware::from_fn_with_state(served.clone(), guard::ration);
    let publish = middleware::from_fn_with_state(served.clone(), access::may_publish);
    let whip = signalling::routes(Protocol::Whip).route_layer(ration()).route_layer(publish);
    let whep = signalling::routes(Protocol::Whep).route_layer(ration()).route_layer(view());
    let sessions = whep
        .merge(whip)
        // Outermost: a preflight carries no token, and a page of another origin may see a refusal.
        .route_layer(middleware::from_fn_with_state(Arc::clone(&served.origins), cors::allow));
    let told = Router::new()
        .route("/metrics", get(metrics::scrape))
        .route("/api/graph", get(api::graph))
        .route("/api/relays", get(api::relays))
        .route_layer(view());
    let changed = Router::new()
        .route("/api/graph", post(reload::reload).layer(DefaultBodyLimit::max(MOST_BYTES)))
        .route_layer(ration())
        .route_layer(middleware::from_fn_with_state(served.clone(), access::may_administer));
    Router::new()
        .merge(sessions)
        .merge(told)
        .merge(changed)
        .route("/", get(page::index))
        .route("/_page/{file}", get(page::file))
        .route("/{node}", get(page::player))
        .route("/healthz", get(api::health))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
        })
        .fallback(async || Problem::no_such_page())
        .layer(middleware::from_fn_with_state(Arc::clone(&served.names), guard::admit))
        .with_state(served)
}
