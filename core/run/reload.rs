//! Another plan for a graph that runs.
//!
//! Owns the order of a change. First all that can be refused: nodes that are new, or that cannot take
//! their new settings as they run, are built while the old ones work on. Then the swap, in one moment
//! of the scheduler. Last, what retired is waited for and let go. A change that is refused leaves the
//! graph as it was.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::cell::Cell;
use super::difference::{self, Fate};
use super::hands;
use super::memory;
use super::stage::{Floor, Stage};
use super::start::{Ground, StartError, build_one};
use crate::graph::plan::{Clock, NodeId, Plan};
use crate::node::{Adjusted, Wish, Work};
use crate::schedule::{Event, Hand, Keep, Topology};

/// What retires has this long to give what it holds and finish before nobody waits for it.
const RETIRES_WITHIN: Duration = Duration::from_secs(2);

/// What a reload did, by the ids of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// They took other settings, or other formats, while they ran.
    pub adjusted: Vec<String>,
    /// Built anew in the place of one of the same name.
    pub replaced: Vec<String>,
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

impl Changes {
    /// Whether both plans were the same but for links and names.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}

impl fmt::Display for Changes {
    /// `adjusted h264; replaced motion`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("adjusted", &self.adjusted),
            ("replaced", &self.replaced),
            ("added", &self.added),
            ("removed", &self.removed),
        ];
        let told = lists.iter().filter(|(_, ids)| !ids.is_empty());
        let told: Vec<_> = told.map(|(word, ids)| format!("{word} {}", ids.join(", "))).collect();
        f.write_str(if told.is_empty() { "no node changed" } else { "" })?;
        f.write_str(&told.join("; "))
    }
}

/// A running graph was not changed, and goes on as it was.
#[derive(Debug)]
pub enum ReloadError {
    /// Offline output must not depend on when a file was saved.
    Offline,
    /// It is on its way to its end.
    Ending,
    Start(StartError),
    /// The node of this id cannot change as asked, in its words, and cannot be replaced while it runs.
    Refused {
        node: String,
        why: String,
    },
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReloadError::Offline => f.write_str(
                "a graph with `clock: offline` is not changed while it runs: its output would depend on when",
            ),
            ReloadError::Ending => f.write_str("the graph is being stopped"),
            ReloadError::Start(error) => write!(f, "{error}; the graph goes on as it was"),
            ReloadError::Refused { node, why } => {
                write!(f, "\"{node}\" cannot change: {why}; the graph goes on as it was")
            }
        }
    }
}

impl std::error::Error for ReloadError {}

/// Changes the graph on `floor` to `plan`.
pub(super) fn reload(floor: &Arc<Floor>, plan: Plan) -> Result<Changes, ReloadError> {
    let _one_at_a_time = floor.changing.lock().unwrap_or_else(PoisonError::into_inner);
    let old = floor.stage();
    if old.plan.clock == Clock::Offline || plan.clock == Clock::Offline {
        return Err(ReloadError::Offline);
    }
    if floor.halt.is_told() || floor.desk.look(|scheduler| scheduler.is_over()) {
        return Err(ReloadError::Ending);
    }
    let mut fates = difference::fates(&old.plan, &plan);
    renew_the_ended(floor, &old, &mut fates);
    let adjusted = adjust(&old, &plan, &mut fates)?;
    let fresh = build(floor, &plan, &fates).map_err(|error| {
        undo(&old, &adjusted);
        floor.desk.forget_early_wishes();
        ReloadError::Start(error)
    })?;
    let changes = changes(&old.plan, &plan, &fates);
    swap(floor, &old, plan, &fates, fresh);
    let_go(floor);
    Ok(changes)
}

/// A node that has come to its end cannot go on.
fn renew_the_ended(floor: &Floor, old: &Stage, fates: &mut [Fate]) {
    floor.desk.look(|scheduler| {
        for fate in fates {
            let ended = |old_index: usize| scheduler.has_ended(old.places.nodes[old_index]);
            if let Some(was) = fate.goes_on().filter(|was| ended(*was)) {
                *fate = Fate::Replaces(was);
            }
        }
    });
}

/// Hands running nodes their new settings; gives back which took them. One that cannot is replaced; where
/// that cannot be either, those that took theirs give them back.
fn adjust(old: &Stage, plan: &Plan, fates: &mut [Fate]) -> Result<Vec<usize>, ReloadError> {
    let mut adjusted = Vec::new();
    for (index, fate) in fates.iter_mut().enumerate() {
        let Fate::Adjusts(was) = *fate else { continue };
        let inputs = plan.input_formats(NodeId(index));
        match old.cells[was].adjust(&plan.nodes[index].settings, &inputs) {
            Adjusted::Applied => adjusted.push(was),
            Adjusted::NeedsRebuild => *fate = Fate::Replaces(was),
            Adjusted::Refused(why) => {
                undo(old, &adjusted);
                return Err(ReloadError::Refused { node: plan.nodes[index].id.clone(), why });
            }
        }
    }
    Ok(adjusted)
}

/// Gives running nodes back what they had: they took it once, so they take it again.
fn undo(old: &Stage, adjusted: &[usize]) {
    for &was in adjusted {
        let inputs = old.plan.input_formats(NodeId(was));
        if old.cells[was].adjust(&old.plan.nodes[was].settings, &inputs) != Adjusted::Applied {
            tracing::warn!(node = old.plan.nodes[was].id, "it keeps settings of a change that was refused");
        }
    }
}

/// The nodes that do not go on, built, in the order of the plan.
fn build(floor: &Floor, plan: &Plan, fates: &[Fate]) -> Result<Vec<Arc<Cell>>, StartError> {
    let NodeId(first) = floor.desk.look(|scheduler| scheduler.next_node());
    let ground = Ground::of(floor);
    let fresh = (0..plan.nodes.len()).filter(|index| fates[*index].goes_on().is_none());
    let built = fresh.enumerate().map(|(nth, index)| build_one(plan, index, NodeId(first + nth), &ground));
    built.map(|cell| cell.map(Arc::new)).collect()
}

/// The one moment in which the graph changes.
fn swap(floor: &Arc<Floor>, old: &Stage, plan: Plan, fates: &[Fate], fresh: Vec<Arc<Cell>>) {
    floor.pool.set_limit(memory::limit(&plan).max(floor.pool.usage().limit));
    let keep = Keep {
        nodes: fates.iter().map(|fate| fate.goes_on().map(|was| old.places.nodes[was])).collect(),
        links: difference::links(&old.plan, &plan, fates)
            .into_iter()
            .map(|was| was.map(|was| old.places.links[was]))
            .collect(),
    };
    let places = floor.desk.change(Topology::from(&plan), &keep, &fresh);
    let mut fresh = fresh.into_iter();
    let cells = fates.iter().map(|fate| match fate.goes_on() {
        Some(was) => old.cells[was].clone(),
        None => fresh.next().expect("every node that does not go on was built"),
    });
    let cells: Vec<_> = cells.collect();
    let devices: Vec<_> = (0..plan.nodes.len())
        .filter(|index| fates[*index].goes_on().is_none() && plan.nodes[*index].contract.work == Work::Device)
        .map(|index| (places.nodes[index], plan.nodes[index].id.clone()))
        .collect();
    floor.set_stage(Stage { plan: Arc::new(plan), cells, places });
    for (node, id) in devices {
        if let Err(error) = hands::spawn(floor, Hand::Device(node), format!("node-{id}")) {
            tracing::error!(node = id, "it cannot run: the system gives no more threads: {error}");
            floor.desk.tell(Event::Wished { node, wish: Wish::Stop });
        }
    }
}

/// Waits for what retired to finish, and lets go of it and all that it holds open.
fn let_go(floor: &Floor) {
    let places = &floor.stage().places;
    for cell in floor.desk.take_retired(&places.nodes, RETIRES_WITHIN) {
        cell.clear();
    }
}

fn changes(old: &Plan, new: &Plan, fates: &[Fate]) -> Changes {
    let which = |wanted: fn(&Fate) -> bool| -> Vec<String> {
        let nodes = new.nodes.iter().zip(fates).filter(|(_, fate)| wanted(fate));
        nodes.map(|(node, _)| node.id.clone()).collect()
    };
    Changes {
        adjusted: which(|fate| matches!(fate, Fate::Adjusts(_))),
        replaced: which(|fate| matches!(fate, Fate::Replaces(_))),
        added: which(|fate| matches!(fate, Fate::New)),
        removed: difference::removed(old, new),
    }
}
