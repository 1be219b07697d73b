//! A plugin as a node of a graph: frames go in, and whatever the plugin does, the graph goes on as
//! the node's `on_error` says.
//!
//! Owns the life of the instance: starting, working, being stopped, resting, starting again. Leaves
//! one call to `instance`, the length of a rest to `recovery`, and taking over from a predecessor to
//! `swap`.

mod swap;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::host::{Journal, Shared, State};
use super::instance::{Answer, Failure, Instance, Times, Used};
use super::limits::Limits;
use super::looked;
use super::program::Program;
use super::recovery::{Next, Recovery};
use super::successor::{Rules, Terms};
use super::watch::Watch;
use crate::media::{Annotations, Detection, Detections, Frame, Item, Pts, Recycled};
use crate::node::{
    self, Adjusted, Counter, Format, Handled, Inputs, NodeError, Output, Settings, Site, Wish,
};
use crate::pixels::{Rect, Rgba, draw};
use crate::plugin::host::Level;
use swap::{RolledBack, Trial};

/// The ports of [`Kind`](super::Kind)'s contract, in its order.
pub const FRAMES: usize = 0;
pub const DETECTIONS: usize = 1;

/// What becomes of a frame that the plugin has not handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It goes on as it came.
    Pass,
    /// It ends here.
    Drop,
    /// A black picture goes on in its place.
    Black,
    /// The graph stops.
    Stop,
}

impl OnError {
    pub const NAMES: [&'static str; 4] = ["pass", "drop", "black", "stop"];

    /// Reads one of [`OnError::NAMES`]; without one, what is safe for the plugin.
    pub fn read(written: Option<&str>, privacy: bool) -> OnError {
        match written {
            Some("pass") => OnError::Pass,
            Some("drop") => OnError::Drop,
            Some("stop") => OnError::Stop,
            Some(_) => OnError::Black,
            None if privacy => OnError::Black,
            None => OnError::Pass,
        }
    }
}

/// Everything needed to start the plugin, now or again.
#[derive(Clone)]
pub struct Recipe {
    /// As the graph names it.
    pub plugin: String,
    pub program: Arc<Program>,
    pub limits: Limits,
    /// The models it may run.
    pub models: Shared,
    /// The `with:` block as JSON text.
    pub settings: String,
    pub times: Times,
    /// What the first frame of all may take. A restarted instance gets no such grace: a plugin that
    /// loops on every frame would hold up the graph for as long at each restart.
    pub first: Duration,
}

impl Recipe {
    /// Starts and configures an instance.
    ///
    /// # Errors
    /// [`Failure`] when it is stopped over it or does not take its settings.
    pub fn start(&self, journal: &Journal, site: &Site) -> Result<Instance, Failure> {
        let mut state =
            State::new(&self.limits, journal.clone(), site.pool.clone(), site.halt.clone(), self.times.live);
        state.models = self.models.clone();
        let mut instance = Instance::start(&self.program, &self.limits, state)?;
        instance.configure(&self.settings)?;
        Ok(instance)
    }
}

/// What the graph says of the node.
pub struct Place {
    pub settings: Settings,
    pub inputs: Vec<Option<Format>>,
    pub watched: Option<Watched>,
}

/// A file whose changes are to take over.
pub struct Watched {
    pub file: PathBuf,
    pub rules: Rules,
}

impl Watched {
    fn begin(&self, recipe: &Recipe, journal: &Journal, site: &Site) -> Result<Watch, NodeError> {
        let (recipe, journal, site) = (recipe.clone(), journal.clone(), site.clone());
        let terms = Terms { recipe, journal, site, rules: self.rules.clone() };
        Watch::begin(&self.file, terms).map_err(|error| {
            let file = self.file.display();
            NodeError::stop_graph(format!("{file}: its changes cannot be watched: {error}"))
        })
    }
}

/// A plugin at work.
pub struct Plugin {
    recipe: Recipe,
    on_error: OnError,
    site: Site,
    /// The node's id, as it stands on what the plugin has looked at.
    name: Arc<str>,
    /// What goes along with frames lies in the memory of what went along with earlier ones.
    annotations: Recycled<Annotations>,
    journal: Journal,
    seat: Seat,
    recovery: Recovery,
    counts: Counts,
    /// Whether a frame has been handed to it yet.
    begun: bool,
    place: Place,
    watch: Option<Watch>,
    trial: Option<Trial>,
}

/// Who handles the next frame.
enum Seat {
    Taken(Box<Instance>),
    /// Nobody, until then.
    Empty {
        until: Pts,
    },
    /// Nobody, ever.
    GivenUp,
}

/// What this node counts about itself.
struct Counts {
    /// Times the guest was stopped.
    traps: Counter,
    restarts: Counter,
    /// Frames the guest refused with an error of its own.
    refusals: Counter,
    /// Frames the guest dropped by its verdict.
    dropped: Counter,
    /// Frames handled by `on_error`.
    unhandled: Counter,
    /// Frames that took longer than they should.
    late: Counter,
    memory: Counter,
    /// Bytes of pixels that crossed into the guest, and back.
    read: Counter,
    written: Counter,
    /// What the guest did, where that is counted.
    fuel: Option<Counter>,
    /// Successors that took over, and those that were put back again.
    swaps: Counter,
    rollbacks: Counter,
}

impl Counts {
    fn of(site: &Site, metered: bool) -> Counts {
        let named = |name| site.counters.named(name);
        Counts {
            traps: named("traps"),
            restarts: named("restarts"),
            refusals: named("refusals"),
            dropped: named("dropped_by_plugin"),
            unhandled: named("unhandled"),
            late: named("late"),
            memory: named("memory_bytes"),
            swaps: named("swaps"),
            rollbacks: named("rollbacks"),
            read: named("bytes_read"),
            written: named("bytes_written"),
            fuel: metered.then(|| named("fuel")),
        }
    }

    fn used(&self, used: Used) {
        self.read.add(used.crossed.read);
        self.written.add(used.crossed.written);
        if let (Some(counter), Some(fuel)) = (&self.fuel, used.fuel) {
            counter.add(fuel);
        }
    }
}

impl Plugin {
    /// Starts the plugin for the first time.
    ///
    /// # Errors
    /// When it does not start or does not take its settings, or its file cannot be watched: a graph
    /// begins whole or not at all.
    pub fn start(recipe: Recipe, on_error: OnError, place: Place, site: &Site) -> Result<Plugin, NodeError> {
        let journal = Journal::new(&site.node, &site.counters);
        let instance = recipe.start(&journal, site).map_err(|failure| {
            let name = &recipe.plugin;
            NodeError::stop_graph(match failure {
                Failure::Refused(why) => format!("plugin \"{name}\" does not take its settings: {why}"),
                Failure::Fault(fault) => format!("plugin \"{name}\" does not start: {fault}"),
            })
        })?;
        let metered = recipe.program.metered;
        let begin = |watched: &Watched| watched.begin(&recipe, &journal, site);
        let watch = place.watched.as_ref().map(begin).transpose()?;
        Ok(Plugin {
            recipe,
            on_error,
            site: site.clone(),
            name: site.node.as_str().into(),
            annotations: Recycled::default(),
            journal,
            seat: Seat::Taken(Box::new(instance)),
            recovery: Recovery::default(),
            counts: Counts::of(site, metered),
            begun: false,
            place,
            watch,
            trial: None,
        })
    }

    fn handle(&mut self, frame: &Frame) -> Option<Answer> {
        self.take_over(frame);
        self.start_again(frame.pts);
        loop {
            match self.attempt(frame)? {
                Ok(answer) => {
                    self.endure();
                    return Some(answer);
                }
                Err(Failure::Refused(why)) => {
                    self.refused(&why, frame);
                    self.endure();
                    return None;
                }
                Err(Failure::Fault(fault)) => match self.roll_back(&fault, frame) {
                    // Which handles this very frame: there is one roll-back to a swap.
                    RolledBack::ToTheOneBefore => {}
                    RolledBack::Nobody => {
                        self.stop(&fault, &format!("at frame {}", frame.sequence), frame.pts);
                        return None;
                    }
                },
            }
        }
    }

    /// `None` when nobody is there to handle it.
    fn attempt(&mut self, frame: &Frame) -> Option<Result<Answer, Failure>> {
        let Seat::Taken(instance) = &mut self.seat else { return None };
        let started = Instant::now();
        let mut times = self.recipe.times;
        if !std::mem::replace(&mut self.begun, true) {
            times.hard = self.recipe.first;
        }
        let answer = instance.process(frame.clone(), times);
        if started.elapsed() > self.recipe.times.soft {
            self.counts.late.add(1);
        }
        self.counts.used(instance.used());
        if answer.is_ok() {
            self.counts.memory.set(instance.memory() as u64);
        }
        Some(answer)
    }

    fn start_again(&mut self, now: Pts) {
        match self.seat {
            Seat::Empty { until } if now >= until => {}
            _ => return,
        }
        match self.recipe.start(&self.journal, &self.site) {
            Ok(instance) => {
                self.counts.restarts.add(1);
                tracing::info!(node = self.site.node, "plugin \"{}\" runs again", self.recipe.plugin);
                self.seat = Seat::Taken(Box::new(instance));
            }
            Err(Failure::Fault(fault)) => self.stop(&fault, "as it started", now),
            Err(Failure::Refused(why)) => {
                self.stop(
                    &Fault::other(format!("it does not take its settings any more: {why}")),
                    "as it started",
                    now,
                );
            }
        }
    }

    fn refused(&self, why: &str, frame: &Frame) {
        self.counts.refusals.add(1);
        let line = format!("frame {} was refused: {why}", frame.sequence);
        self.journal.line(Level::Warn, &line, Instant::now());
    }

    /// Empties the seat: after a fault nothing of an instance can be used.
    fn stop(&mut self, fault: &Fault, when: &str, now: Pts) {
        self.counts.traps.add(1);
        let (node, plugin) = (&self.site.node, &self.recipe.plugin);
        let next = self.recovery.failed(now);
        self.seat = match next {
            Next::Rest { until, pause } => {
                let pause = pause.as_secs();
                tracing::error!(
                    node,
                    "plugin \"{plugin}\" was stopped {when}: {fault}; it starts again in {pause}s"
                );
                Seat::Empty { until }
            }
            Next::GiveUp => {
                tracing::error!(node, "plugin \"{plugin}\" was stopped {when}: {fault}; it is given up");
                Seat::GivenUp
            }
        };
        // The first tells its author where; a plugin that goes on failing fills no log with it.
        match self.counts.traps.get() {
            1 => tracing::warn!(node, "plugin \"{plugin}\" was stopped {when}:\n{}", fault.detail()),
            _ => tracing::debug!(node, "plugin \"{plugin}\" was stopped {when}:\n{}", fault.detail()),
        }
    }

    /// A detector gives no detections then: "nothing found" would be a claim, and what hides things
    /// further down might act on it.
    fn unhandled(&mut self, frame: Frame, out: &mut Output) -> Result<(), NodeError> {
        self.counts.unhandled.add(1);
        match self.on_error {
            OnError::Pass => out.give(FRAMES, Item::Frame(frame)),
            OnError::Drop => {}
            OnError::Black => out.give(FRAMES, Item::Frame(self.black(&frame)?)),
            OnError::Stop => {
                return Err(NodeError::stop_graph(format!(
                    "plugin \"{}\" has not handled frame {}, and its `on_error` is `stop`",
                    self.recipe.plugin, frame.sequence
                )));
            }
        }
        Ok(())
    }

    fn black(&self, frame: &Frame) -> Result<Frame, NodeError> {
        let mut black = frame.sibling(&self.site.pool, frame.format())?;
        draw::fill(&mut black, Rect::whole(frame.size()), Rgba::BLACK)?;
        Ok(black)
    }

    fn give(&mut self, mut frame: Frame, found: Option<Arc<Vec<Detection>>>, out: &mut Output) {
        if let Some(found) = found {
            frame.annotate(&mut self.annotations, |annotations| {
                annotations.detections.extend_from_slice(&found);
                looked::note(annotations, &self.name);
            });
            let by = self.name.clone();
            let detections =
                Detections { by, pts: frame.pts, sequence: frame.sequence, part: frame.part, found };
            out.give(DETECTIONS, Item::Detections(detections));
        }
        out.give(FRAMES, Item::Frame(frame));
    }
}

impl node::Filter for Plugin {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        let Some(mut frame) = inputs.take_frame(FRAMES) else { return Ok(()) };
        if let Some(joined) = inputs.take_detections(DETECTIONS) {
            looked::join(&mut frame, &joined, &mut self.annotations);
        }
        match self.handle(&frame) {
            Some(Answer::Pass(changed, found)) => self.give(changed, found, out),
            Some(Answer::Drop) => self.counts.dropped.add(1),
            None => self.unhandled(frame, out)?,
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut Output) -> Result<(), NodeError> {
        // A plugin holds no frames: each is lent for one call.
        Ok(())
    }

    fn request(&mut self, _wish: Wish) -> Handled {
        Handled::PassOn
    }

    fn adjust(&mut self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        let mut same = self.place.settings.clone();
        same.raw = settings.raw.clone();
        // Another file, other limits or other formats make another node.
        match same == *settings && inputs == self.place.inputs {
            true => self.reconfigure(settings),
            false => Adjusted::NeedsRebuild,
        }
    }
}
