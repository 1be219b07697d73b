//! A checked graph: indexed, ordered, immutable. What the runner is handed, and nothing less.
//!
//! Names survive for printing only; everything that runs goes by [`NodeId`] and [`LinkId`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::access::{IceServer, Tls, Token};
use crate::media::Rate;
use crate::node::{Contract, Format, Join, Model, NodeKind, Role, Settings, WhenFull};

/// Index into [`Plan::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// Index into [`Plan::links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub usize);

/// How time passes in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Sources keep real time, and what cannot be done in time is dropped by policy.
    Live,
    /// As fast as it goes: links block, nothing is lost, every run gives the same output.
    Offline,
}

/// A checked graph.
#[derive(Clone)]
pub struct Plan {
    pub name: String,
    pub clock: Clock,
    /// In an order in which every node comes after all that feed it.
    pub nodes: Vec<PlanNode>,
    pub links: Vec<PlanLink>,
    pub server: Server,
    /// In the order of the file.
    pub models: Vec<Arc<Model>>,
}

/// One node of a plan.
#[derive(Clone)]
pub struct PlanNode {
    /// As written in the graph; made up for a conversion that the checker put in.
    pub id: String,
    pub kind: Arc<dyn NodeKind>,
    pub settings: Settings,
    pub contract: Contract,
    /// For each input port of the contract, the link that feeds it.
    pub inputs: Vec<Option<LinkId>>,
    /// For each output port of the contract, the links it feeds (fan-out).
    pub outputs: Vec<Vec<LinkId>>,
    /// For each output port of the contract, what it gives.
    pub formats: Vec<Format>,
    /// Whether the checker put it in to make two formats meet.
    pub inserted: bool,
    /// Sinks: the higher, the later it is what has to wait where there is too much to do.
    pub priority: Option<u8>,
}

/// One link of a plan: a bounded queue from an output port to an input port.
#[derive(Clone, Debug)]
pub struct PlanLink {
    pub from: NodeId,
    /// Index of the output port in the contract of `from`.
    pub from_port: usize,
    pub to: NodeId,
    /// Index of the input port in the contract of `to`.
    pub to_port: usize,
    pub format: Format,
    /// The most items that may wait, at least 1.
    pub capacity: usize,
    pub when_full: WhenFull,
    pub join: Join,
    /// For `latest` and `same_pts`: an item older than this against the driving item is not used.
    pub max_age: Option<Duration>,
    /// At most this many items a second are let in; the rest are dropped as `rate`.
    pub rate: Option<Rate>,
}

/// Where the graph is served. Present in every plan; used when a node or the user needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Whether the graph has such a section: then the page and the API are served even if there is
    /// nothing to watch.
    pub asked_for: bool,
    /// Address of the page, WHEP, metrics and the API.
    pub listen: SocketAddr,
    /// UDP port that carries all viewers' media; 0 takes any free one.
    pub udp_port: u16,
    /// Whether the graph says so itself: otherwise a graph that only publishes elsewhere can do with any.
    pub names_udp_port: bool,
    /// Whether TCP carries it as well, on the same number, for networks that let no UDP through.
    pub tcp: bool,
    /// Addresses or names, besides the machine's own, that viewers may reach this machine by.
    pub additional_hosts: Vec<String>,
    /// Web origins that may use the WHEP endpoints from their own pages; `*` is any.
    pub allow_origins: Vec<String>,
    /// Who may call. None: everybody who can reach it.
    pub tokens: Vec<Token>,
    /// Encrypts the page, WHEP and the API; media is encrypted always.
    pub tls: Option<Tls>,
    /// Offers that one address may make in a minute.
    pub offers_per_minute: u32,
    /// Which of the machine's interfaces or addresses viewers are told of; none named: all.
    pub interfaces: Vec<String>,
    /// STUN and TURN servers that viewers are told to use.
    pub ice_servers: Vec<IceServer>,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            asked_for: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            udp_port: 8189,
            names_udp_port: false,
            tcp: true,
            additional_hosts: Vec::new(),
            // None: a page of anybody's, open in the browser of somebody who can reach a camera, must
            // not be able to watch through it.
            allow_origins: Vec::new(),
            tokens: Vec::new(),
            tls: None,
            offers_per_minute: 600,
            interfaces: Vec::new(),
            ice_servers: Vec::new(),
        }
    }
}

impl Plan {
    pub fn node(&self, id: NodeId) -> &PlanNode {
        &self.nodes[id.0]
    }

    pub fn link(&self, id: LinkId) -> &PlanLink {
        &self.links[id.0]
    }

    /// What node `id` was agreed to get on each input port.
    pub fn input_formats(&self, id: NodeId) -> Vec<Option<Format>> {
        self.node(id).inputs.iter().map(|link| link.map(|link| self.link(link).format)).collect()
    }

    /// A link's ends as a user would write them: `camera.frames`, `motion.frames`.
    pub fn link_ends(&self, id: LinkId) -> (String, String) {
        let link = self.link(id);
        let (from, to) = (self.node(link.from), self.node(link.to));
        let output = from.contract.outputs[link.from_port].name;
        let input = to.contract.inputs[link.to_port].name;
        (format!("{}.{output}", from.id), format!("{}.{input}", to.id))
    }
}

impl PlanNode {
    pub fn role(&self) -> Role {
        self.kind.about().role
    }
}
