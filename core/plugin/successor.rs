//! What may take a running plugin's place, made ready to.
//!
//! Owns the rules: a successor has the same ports, may do no more, hides if the one before hid, and
//! takes the node's settings. Everything here happens away from the workers, in `watch`.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::border::Permission;
use super::cache::Cache;
use super::host::Journal;
use super::instance::{Failure, Instance};
use super::node::{OnError, Recipe};
use super::program::{Description, PRIVACY, Program};
use super::settings;
use crate::media::PixelFormat;
use crate::node::{Digest, Site};

/// A started and configured instance that waits for the end of a frame.
pub struct Successor {
    pub program: Arc<Program>,
    pub instance: Box<Instance>,
}

/// What the node's place in the graph asks of a successor.
#[derive(Clone)]
pub struct Rules {
    pub cache: Cache,
    /// What the graph has agreed to send it.
    pub pixel: Option<PixelFormat>,
    /// `allow:`; without one, what the plugin at the start could do.
    pub allowed: Vec<Permission>,
    /// The `with:` block.
    pub given: Map<String, Json>,
    pub on_error: OnError,
}

/// Everything needed to make one ready.
pub struct Terms {
    /// Of the plugin at the start.
    pub recipe: Recipe,
    pub journal: Journal,
    pub site: Site,
    pub rules: Rules,
}

impl Terms {
    /// Checks, compiles, starts and configures what `wasm` holds.
    ///
    /// # Errors
    /// Why it cannot take over, for the log.
    pub fn ready(&self, wasm: &[u8], key: &Digest) -> Result<Box<Successor>, String> {
        let program = Program::load(wasm, key, &self.rules.cache).map_err(|reason| reason.to_string())?;
        self.fits(&program)?;
        let description = program
            .describe_within(&self.recipe.limits)
            .map_err(|why| format!("it does not say what it is: {why}"))?;
        self.suits(description)?;
        let recipe = Recipe { program: Arc::new(program), ..self.recipe.clone() };
        let instance = recipe.start(&self.journal, &self.site).map_err(|failure| match failure {
            Failure::Refused(why) => format!("it does not take the node's settings: {why}"),
            Failure::Fault(fault) => format!("it does not start: {fault}"),
        })?;
        Ok(Box::new(Successor { program: recipe.program, instance: Box::new(instance) }))
    }

    /// What is seen without running it.
    fn fits(&self, program: &Program) -> Result<(), String> {
        let (is, was) = (program.passport.world, self.recipe.program.passport.world);
        if is != was {
            let (is, was) = (is.name(), was.name());
            return Err(format!(
                "it is of the world \"{is}\", and the graph was checked with one of \"{was}\""
            ));
        }
        let allowed = &self.rules.allowed;
        match program.passport.permissions.iter().find(|permission| !allowed.contains(permission)) {
            Some(more) => Err(format!(
                "it imports \"{}\" (to {}), which the one before did not; grant it with `allow` and start the graph \
                 again",
                more.name(),
                more.in_words()
            )),
            None => Ok(()),
        }
    }

    /// What it says of itself.
    fn suits(&self, description: &Description) -> Result<(), String> {
        let hid = self.recipe.program.describe().is_ok_and(Description::is_privacy);
        let hides = description.is_privacy();
        if hid && !hides {
            return Err(format!("it lacks the role \"{PRIVACY}\" of the one before"));
        }
        if hides && self.rules.on_error == OnError::Pass {
            return Err(format!("it claims the role \"{PRIVACY}\", and the node's `on_error` is `pass`"));
        }
        if let Some(pixel) = self.rules.pixel.filter(|_| !description.formats.is_empty())
            && !description.formats.contains(&pixel)
        {
            return Err(format!("it does not work on {pixel}, which is what it would be sent"));
        }
        let validator = settings::validator(&description.schema)?;
        match settings::faults(&validator, &description.schema, &self.rules.given).first() {
            Some(fault) => {
                Err(format!("the node's settings do not fit it: {}: {}", fault.path, fault.message))
            }
            None => Ok(()),
        }
    }
}
