//! One instance takes over from another, between two frames.
//!
//! Owns the hand-over of state, the trial that follows it, and the way back when the successor
//! fails in it: the instance before is kept until then and handles the very frame that the successor
//! failed at, so none is lost. Leaves making a successor ready to `successor` and `watch`.

use std::sync::Arc;

use super::{Plugin, Recipe, Recovery, Seat};
use crate::media::{Frame, Pts};
use crate::node::{Adjusted, Settings};
use crate::plugin::fault::Fault;
use crate::plugin::instance::{Failure, Instance, Restored};
use crate::plugin::kind::text_of;
use crate::plugin::program::Program;
use crate::plugin::successor::Successor;
use crate::plugin::watch::Watch;

/// Frames that a successor has to handle before the one before it is let go.
const TRIAL: u32 = 30;

/// The first frames of a successor.
pub struct Trial {
    /// Who handles frames again if it fails; `None` when nobody did when it came.
    before: Option<Before>,
    left: u32,
}

struct Before {
    instance: Box<Instance>,
    program: Arc<Program>,
}

/// What a failure in a trial led to.
pub enum RolledBack {
    /// The instance before has its seat again.
    ToTheOneBefore,
    /// There is no trial, or nobody to go back to.
    Nobody,
}

/// What the successor knows of what was before.
enum Carried {
    State,
    /// It starts afresh, and why.
    Nothing(String),
    /// It must not take over.
    Refused(String),
}

impl Plugin {
    /// Lets a successor take over, if one is ready.
    pub(super) fn take_over(&mut self, frame: &Frame) {
        let Some(mut next) = self.watch.as_ref().and_then(Watch::take) else { return };
        let knows = match self.carry(&mut next) {
            Carried::State => "with what the one before knew".to_owned(),
            Carried::Nothing(why) => format!("afresh ({why})"),
            Carried::Refused(why) => {
                self.counts.rollbacks.add(1);
                let (node, plugin) = (&self.site.node, &self.recipe.plugin);
                tracing::warn!(node, "plugin \"{plugin}\" was not swapped: {why}; the one before goes on");
                return;
            }
        };
        self.counts.swaps.add(1);
        let (node, plugin) = (&self.site.node, &self.recipe.plugin);
        let sha = next.program.key.to_string();
        let (sha, at) = (&sha[..12], frame.sequence);
        tracing::info!(
            node,
            "plugin \"{plugin}\" was swapped for its changed file (sha256 {sha}…) at frame {at}, {knows}; the one \
             before stands by for {TRIAL} frames"
        );
        self.seat(*next);
    }

    fn seat(&mut self, next: Successor) {
        let Successor { program, instance } = next;
        let program = std::mem::replace(&mut self.recipe.program, program);
        let before = match std::mem::replace(&mut self.seat, Seat::Taken(instance)) {
            Seat::Taken(instance) => Some(Before { instance, program }),
            Seat::Empty { .. } | Seat::GivenUp => None,
        };
        // Of two swaps in short order, the one before both has proved itself.
        let proven = self.trial.take().and_then(|trial| trial.before);
        self.trial = Some(Trial { before: proven.or(before), left: TRIAL });
        // What another program did wrong says nothing of this one.
        self.recovery = Recovery::default();
    }

    /// Hands other settings to the instance in the seat, or to a fresh one that knows what it knew.
    pub(super) fn reconfigure(&mut self, settings: &Settings) -> Adjusted {
        let text = text_of(&settings.raw);
        let taken = match &mut self.seat {
            Seat::Taken(instance) => instance.configure(&text),
            // Whoever starts next is given them.
            Seat::Empty { .. } | Seat::GivenUp => Ok(()),
        };
        if let Err(failure) = taken {
            if matches!(failure, Failure::Fault(_)) {
                self.counts.traps.add(1);
                self.seat = Seat::Empty { until: Pts::ZERO };
            }
            let recipe = Recipe { settings: text.clone(), ..self.recipe.clone() };
            let Ok(instance) = recipe.start(&self.journal, &self.site) else { return Adjusted::NeedsRebuild };
            let mut next = Successor { program: recipe.program, instance: Box::new(instance) };
            if matches!(self.carry(&mut next), Carried::Refused(_)) {
                return Adjusted::NeedsRebuild;
            }
            self.seat = Seat::Taken(next.instance);
        }
        self.recipe.settings = text;
        self.place.settings = settings.clone();
        // The one before a swap has other settings, so there is no way back to it.
        self.trial = None;
        self.watch_with(settings)
    }

    /// Successors are to be given the settings that hold now.
    fn watch_with(&mut self, settings: &Settings) -> Adjusted {
        let Some(watched) = &mut self.place.watched else { return Adjusted::Applied };
        watched.rules.given = settings.raw.clone();
        match watched.begin(&self.recipe, &self.journal, &self.site) {
            Ok(watch) => {
                self.watch = Some(watch);
                Adjusted::Applied
            }
            Err(_) => Adjusted::NeedsRebuild,
        }
    }

    /// Asks the instance in the seat what it knows, and tells its successor.
    fn carry(&mut self, next: &mut Successor) -> Carried {
        let time = self.recipe.times.hard;
        let Seat::Taken(instance) = &mut self.seat else {
            return Carried::Nothing("there was none at work".to_owned());
        };
        let saved = match instance.save(time) {
            Ok(Some(saved)) => saved,
            Ok(None) => return Carried::Nothing("the one before keeps no state".to_owned()),
            Err(Failure::Refused(why)) => return self.without_state(why),
            Err(Failure::Fault(fault)) => {
                // Dead, so there is nothing to come back to either.
                self.counts.traps.add(1);
                self.seat = Seat::GivenUp;
                return Carried::Nothing(format!(
                    "the one before was stopped as it saved its state: {fault}"
                ));
            }
        };
        // Known since it was started.
        let version = self.recipe.program.describe().map_or("", |said| said.version.as_str());
        match next.instance.restore(version, &saved, time) {
            Ok(Restored::Taken) => Carried::State,
            Ok(Restored::Refused) => {
                self.without_state("it does not understand the state of the one before".into())
            }
            Err(fault) => {
                self.counts.traps.add(1);
                Carried::Refused(format!("it was stopped over the state of the one before: {fault}"))
            }
        }
    }

    /// What hid something a moment ago has to go on hiding it.
    fn without_state(&self, why: String) -> Carried {
        match self.recipe.program.describe().is_ok_and(|said| said.is_privacy()) {
            true => Carried::Refused(format!(
                "{why}, and a privacy plugin must know what was hidden a moment ago; start the graph again to use it"
            )),
            false => Carried::Nothing(why),
        }
    }

    /// A frame was answered: the trial comes nearer to its end.
    pub(super) fn endure(&mut self) {
        let Some(trial) = &mut self.trial else { return };
        trial.left -= 1;
        if trial.left == 0 {
            self.trial = None;
            let (node, plugin) = (&self.site.node, &self.recipe.plugin);
            tracing::info!(node, "plugin \"{plugin}\" has handled its first {TRIAL} frames and stays");
        }
    }

    /// After a fault: puts the instance before back, if there is a trial and there was one.
    pub(super) fn roll_back(&mut self, fault: &Fault, frame: &Frame) -> RolledBack {
        let Some(Trial { before: Some(before), .. }) = self.trial.take() else { return RolledBack::Nobody };
        self.counts.traps.add(1);
        self.counts.rollbacks.add(1);
        let (node, plugin, at) = (&self.site.node, &self.recipe.plugin, frame.sequence);
        tracing::error!(
            node,
            "plugin \"{plugin}\" as it was changed was stopped at frame {at}: {fault}; the one before is back, until \
             the file changes again"
        );
        tracing::warn!(node, "plugin \"{plugin}\" was stopped at frame {at}:\n{}", fault.detail());
        self.recipe.program = before.program;
        self.seat = Seat::Taken(before.instance);
        RolledBack::ToTheOneBefore
    }
}
