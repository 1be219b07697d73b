//! From a plan to running threads.
//!
//! Owns the order of a start: every node is built before any frame moves, and the first that cannot
//! be is told with its name and takes everything built so far down with it.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, Weak};
use std::thread;
use std::time::{Instant, SystemTime};

use super::cell::Cell;
use super::desk::Desk;
use super::hands::spawn;
use super::memory;
use super::running::{Control, Running, Watch};
use super::stage::{Floor, Stage};
use super::trace::Trace;
use crate::graph::plan::{Clock, LinkId, NodeId, Plan};
use crate::media::Pool;
use crate::node::{Counters, Epoch, Halt, NodeError, Site, Upstream, Waiting, Work};
use crate::schedule::{Event, Hand, Places, Topology};

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
pub struct Built(Arc<Floor>);

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
    let ground = Ground { desk: Arc::downgrade(&desk), pool, epoch, halt: Halt::default() };
    let built = (0..plan.nodes.len()).map(|index| build_one(&plan, index, NodeId(index), &ground));
    let cells: Vec<_> = built.map(|cell| cell.map(Arc::new)).collect::<Result<_, _>>()?;
    desk.seat(&cells);
    let places = Places {
        nodes: (0..plan.nodes.len()).map(NodeId).collect(),
        links: (0..plan.links.len()).map(LinkId).collect(),
    };
    let stage = Stage { plan: Arc::new(plan), cells, places };
    let Ground { pool, epoch, halt, .. } = ground;
    Ok(Built(Arc::new(Floor::new(desk, (pool, epoch, halt), workers, stage))))
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
        Watch::new(self.0.clone())
    }

    /// A hold on the graph that stays good when it runs.
    pub fn control(&self) -> Control {
        Control::new(self.0.clone())
    }

    /// Writes down every turn, from the first to the last.
    pub fn trace(&self, trace: Trace) {
        *self.0.trace.lock().unwrap_or_else(PoisonError::into_inner) = Some(trace);
    }

    /// Lets frames move.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(self) -> Result<Running, StartError> {
        let running = Running::new(&self.0);
        spawn_all(&self.0)?;
        Ok(running)
    }
}

/// What every node of a graph is handed.
pub(super) struct Ground {
    /// A node's way upstream must not keep alive the desk that keeps the node.
    desk: Weak<Desk>,
    pool: Pool,
    epoch: Epoch,
    halt: Halt,
}

impl Ground {
    pub fn of(floor: &Floor) -> Ground {
        let (pool, halt) = (floor.pool.clone(), floor.halt.clone());
        Ground { desk: Arc::downgrade(&floor.desk), pool, epoch: floor.epoch, halt }
    }
}

/// Node `index` of `plan`, which the scheduler knows or will know as `id`.
pub(super) fn build_one(plan: &Plan, index: usize, id: NodeId, ground: &Ground) -> Result<Cell, StartError> {
    let node = &plan.nodes[index];
    let desk = ground.desk.clone();
    let site = Site {
        node: node.id.clone(),
        pool: ground.pool.clone(),
        upstream: Upstream::new(move |wish| {
            desk.upgrade().into_iter().for_each(|desk| desk.tell(Event::Wished { node: id, wish }));
        }),
        epoch: ground.epoch,
        counters: Counters::default(),
        waiting: Waiting::default(),
        halt: ground.halt.clone(),
    };
    let refused = |error: NodeError| StartError { node: Some(node.id.clone()), message: error.to_string() };
    let inputs = plan.input_formats(NodeId(index));
    let built = node.kind.build(&node.settings, &inputs, &site).map_err(refused)?;
    Ok(Cell::new(id, built, &site))
}

fn spawn_all(floor: &Arc<Floor>) -> Result<(), StartError> {
    let plan = floor.stage().plan.clone();
    let pool = (0..floor.workers.get()).map(|index| (Hand::Worker, format!("worker-{index}")));
    let devices = plan.nodes.iter().enumerate().filter(|(_, node)| node.contract.work == Work::Device);
    let devices = devices.map(|(index, node)| (Hand::Device(NodeId(index)), format!("node-{}", node.id)));
    for (hand, name) in pool.chain(devices) {
        spawn(floor, hand, name).map_err(|error| {
            let message = format!("the system gives no more threads: {error}");
            StartError { node: None, message }
        })?;
    }
    Ok(())
}
