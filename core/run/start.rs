//! From a plan to running threads.
//!
//! Owns the order of a start: every node is built before any frame moves, and the first that cannot
//! be is told with its name and takes everything built so far down with it.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime};

use super::cell::Cell;
use super::desk::Desk;
use super::hands::{Floor, spawn};
use super::memory;
use super::running::{Running, Watch};
use crate::graph::plan::{Clock, NodeId, Plan};
use crate::media::Pool;
use crate::node::{Counters, Epoch, Halt, NodeError, Site, Upstream, Work};
use crate::schedule::{Event, Hand, Topology};

/// A graph did not start. Nothing of it runs.
#[derive(Debug)]
pub struct StartError {
    /// The id of the node that could not be built; `None` when it was no node's fault.
    pub node: Option<String>,
    message: String,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "\"{node}\" cannot start: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for StartError {}

/// A graph whose nodes are all there and that has not moved a frame.
pub struct Built {
    plan: Arc<Plan>,
    floor: Arc<Floor>,
    pool: Pool,
    workers: NonZeroUsize,
}

/// How many workers a graph gets unless somebody says otherwise.
pub fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Builds every node of `plan`. At most `workers` of them will compute at once.
///
/// # Errors
/// When a node cannot be built; those built before it are gone.
pub fn build(plan: Plan, workers: NonZeroUsize) -> Result<Built, StartError> {
    let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: plan.clock == Clock::Live };
    let pool = Pool::new(memory::limit(&plan));
    let desk = Arc::new(Desk::new(Topology::from(&plan), workers.get(), epoch.instant));
    let halt = Halt::default();
    let cells = build_all(&plan, &desk, &pool, epoch, &halt)?;
    Ok(Built { plan: Arc::new(plan), floor: Arc::new(Floor { desk, cells, halt }), pool, workers })
}

/// Builds every node of `plan` and starts it.
///
/// # Errors
/// As [`build`] and [`Built::start`].
pub fn start(plan: Plan) -> Result<Running, StartError> {
    build(plan, cores())?.start()
}

impl Built {
    /// A look at the graph that stays good when it runs.
    pub fn watch(&self) -> Watch {
        Watch::new(self.plan.clone(), self.floor.clone(), self.pool.clone())
    }

    /// Lets frames move.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(self) -> Result<Running, StartError> {
        let threads = spawn_all(&self.plan, &self.floor, self.workers)?;
        Ok(Running::new(self.floor.clone(), self.watch(), threads))
    }
}

fn build_all(
    plan: &Plan,
    desk: &Arc<Desk>,
    pool: &Pool,
    epoch: Epoch,
    halt: &Halt,
) -> Result<Vec<Cell>, StartError> {
    let ids = (0..plan.nodes.len()).map(NodeId);
    ids.map(|id| build_one(plan, id, desk, pool, epoch, halt)).collect()
}

fn build_one(
    plan: &Plan,
    id: NodeId,
    desk: &Arc<Desk>,
    pool: &Pool,
    epoch: Epoch,
    halt: &Halt,
) -> Result<Cell, StartError> {
    let node = plan.node(id);
    let counters = Counters::default();
    let desk = desk.clone();
    let site = Site {
        node: node.id.clone(),
        pool: pool.clone(),
        upstream: Upstream::new(move |wish| desk.tell(Event::Wished { node: id, wish })),
        epoch,
        counters: counters.clone(),
        halt: halt.clone(),
    };
    let refused = |error: NodeError| StartError { node: Some(node.id.clone()), message: error.to_string() };
    let built = node.kind.build(&node.settings, &plan.input_formats(id), &site).map_err(refused)?;
    Ok(Cell::new(id, node.id.clone(), built, epoch.live, counters))
}

fn spawn_all(
    plan: &Plan,
    floor: &Arc<Floor>,
    workers: NonZeroUsize,
) -> Result<Vec<JoinHandle<()>>, StartError> {
    let pool = (0..workers.get()).map(|index| (Hand::Worker, format!("worker-{index}")));
    let devices = plan.nodes.iter().enumerate().filter(|(_, node)| node.contract.work == Work::Device);
    let devices = devices.map(|(index, node)| (Hand::Device(NodeId(index)), format!("node-{}", node.id)));
    let mut threads = Vec::new();
    for (hand, name) in pool.chain(devices) {
        match spawn(floor, hand, name) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                floor.desk.tell(Event::Abort);
                let message = format!("the system gives no more threads: {error}");
                return Err(StartError { node: None, message });
            }
        }
    }
    Ok(threads)
}
