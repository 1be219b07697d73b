//! The graph and its counters as JSON, for the page, `framegate top` and whoever else asks.
//!
//! Shapes are written out here rather than derived from inner types, so that those may change.
//! Settings of nodes are left out altogether: an address or a token may be among them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use serde::Serialize;

use super::routes::Served;
use crate::graph::{Clock, Plan, PlanLink, PlanNode};
use crate::relay::{SessionStats, StreamStats, Transport};
use crate::run::{LinkReport, NodeReport, NodeState, Report, Spread};

const NEVER_STORED: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// `/healthz`: the process answers. Whether the graph does well is `/api/graph`'s business.
pub async fn health() -> impl IntoResponse {
    (NEVER_STORED, "ok\n")
}

/// `/api/graph`
pub async fn graph(State(served): State<Served>) -> impl IntoResponse {
    let (plan, report) = served.watch.look();
    (NEVER_STORED, Json(Graph::new(&plan, &report)))
}

/// `/api/relays`
pub async fn relays(State(served): State<Served>) -> impl IntoResponse {
    let relays: Vec<Relay> = served.hub.stats().into_iter().map(Relay::from).collect();
    (NEVER_STORED, Json(BTreeMap::from([("relays", relays)])))
}

#[derive(Serialize)]
struct Graph {
    name: String,
    clock: &'static str,
    /// Since the graph started, which is also PTS zero.
    elapsed_ms: f64,
    nodes: Vec<Node>,
    links: Vec<Link>,
    pool: Pool,
}

#[derive(Serialize)]
struct Node {
    id: String,
    kind: &'static str,
    role: &'static str,
    /// Whether the checker put it in to make two formats meet.
    inserted: bool,
    /// Sinks: what has less of it waits first.
    priority: Option<u8>,
    /// `running`, `waiting`, `ended` or `failed`.
    state: &'static str,
    /// Why it waits or failed.
    reason: Option<String>,
    /// What each output port gives: `{"frames": "i420 1280x720 30 fps"}`.
    gives: BTreeMap<&'static str, String>,
    turns: u64,
    given: u64,
    failed: u64,
    busy_ms: f64,
    turn_ms: Percentiles,
    latency_ms: Option<Percentiles>,
    counters: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Link {
    /// `camera.frames`
    from: String,
    to: String,
    from_node: String,
    to_node: String,
    format: String,
    when_full: &'static str,
    join: &'static str,
    capacity: usize,
    waiting: usize,
    passed: u64,
    /// How long what passed had waited.
    wait_ms: Percentiles,
    dropped: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
    p99: f64,
}

#[derive(Serialize)]
struct Pool {
    out: usize,
    out_bytes: usize,
    idle_bytes: usize,
    limit_bytes: usize,
    allocations: u64,
}

/// One relay node. Viewers are numbers here: where they are is nobody else's business.
#[derive(Serialize)]
struct Relay {
    name: String,
    viewers: usize,
    max_viewers: usize,
    bitrate: u64,
    fps: f64,
    pictures: u64,
    keyframes: u64,
    keyframe_wishes: u64,
    dropped: u64,
    sessions: Vec<Session>,
}

#[derive(Serialize)]
struct Session {
    number: u64,
    /// What carries its media, `udp` or `tcp`, once there is a way.
    protocol: Option<&'static str>,
    connected_ms: Option<f64>,
    bitrate: u64,
    packets: u64,
    resent: u64,
    /// Share of packets lost, as the viewer reported last.
    loss: f32,
    jitter_ms: f64,
    rtt_ms: Option<f64>,
    /// What the viewer believes it can take, in bits per second.
    estimate: Option<u64>,
    nacks: u64,
    unrepaired: u64,
    picture_losses: u64,
    dropped_to_key: u64,
    thinned: u64,
}

impl Graph {
    fn new(plan: &Plan, report: &Report) -> Graph {
        Graph {
            name: plan.name.clone(),
            clock: match plan.clock {
                Clock::Live => "live",
                Clock::Offline => "offline",
            },
            elapsed_ms: millis(report.elapsed),
            nodes: plan.nodes.iter().zip(&report.nodes).map(|(node, told)| Node::new(node, told)).collect(),
            links: plan
                .links
                .iter()
                .zip(&report.links)
                .map(|(link, told)| Link::new(plan, link, told))
                .collect(),
            pool: Pool {
                out: report.pool.out,
                out_bytes: report.pool.out_bytes,
                idle_bytes: report.pool.idle_bytes,
                limit_bytes: report.pool.limit,
                allocations: report.pool.allocations,
            },
        }
    }
}

impl Node {
    fn new(node: &PlanNode, told: &NodeReport) -> Node {
        let (state, reason) = match &told.state {
            NodeState::Running => ("running", None),
            NodeState::Waiting(why) => ("waiting", Some(why.clone())),
            NodeState::Ended => ("ended", None),
            NodeState::Failed(reason) => ("failed", Some(reason.clone())),
        };
        let ports = node.contract.outputs.iter().zip(&node.formats);
        Node {
            id: node.id.clone(),
            kind: told.kind,
            role: node.role().name(),
            inserted: node.inserted,
            priority: node.priority,
            state,
            reason,
            gives: ports.map(|(port, format)| (port.name, format.to_string())).collect(),
            turns: told.turns,
            given: told.given,
            failed: told.failed,
            busy_ms: millis(told.busy),
            turn_ms: told.turn.into(),
            latency_ms: told.latency.map(Percentiles::from),
            counters: told.counters.iter().cloned().collect(),
        }
    }
}

impl Link {
    fn new(plan: &Plan, link: &PlanLink, told: &LinkReport) -> Link {
        Link {
            from: told.from.clone(),
            to: told.to.clone(),
            from_node: plan.node(link.from).id.clone(),
            to_node: plan.node(link.to).id.clone(),
            format: link.format.to_string(),
            when_full: link.when_full.name(),
            join: link.join.name(),
            capacity: told.capacity,
            waiting: told.waiting,
            passed: told.passed,
            wait_ms: told.wait.into(),
            dropped: told.dropped.iter().copied().collect(),
        }
    }
}

impl From<StreamStats> for Relay {
    fn from(stream: StreamStats) -> Relay {
        Relay {
            name: stream.id,
            viewers: stream.viewers,
            max_viewers: stream.most_viewers,
            bitrate: stream.bitrate,
            fps: stream.fps,
            pictures: stream.pictures,
            keyframes: stream.keyframes,
            keyframe_wishes: stream.wishes,
            dropped: stream.dropped,
            sessions: stream.sessions.into_iter().map(Session::from).collect(),
        }
    }
}

impl From<SessionStats> for Session {
    fn from(session: SessionStats) -> Session {
        Session {
            number: session.number,
            protocol: session.protocol.map(Transport::name),
            connected_ms: session.connected.map(millis),
            bitrate: session.bitrate,
            packets: session.counts.packets,
            resent: session.counts.resent,
            loss: session.loss,
            jitter_ms: millis(session.jitter),
            rtt_ms: session.rtt.map(millis),
            estimate: session.estimate,
            nacks: session.counts.nacks,
            unrepaired: session.counts.unrepaired,
            picture_losses: session.counts.plis,
            dropped_to_key: session.counts.dropped_to_key,
            thinned: session.counts.thinned,
        }
    }
}

impl From<Spread> for Percentiles {
    fn from(spread: Spread) -> Percentiles {
        Percentiles { p50: millis(spread.p50), p95: millis(spread.p95), p99: millis(spread.p99) }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
