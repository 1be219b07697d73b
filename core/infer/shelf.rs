//! Networks that have been loaded: what was checked is what runs, and nodes share it.

use std::sync::{Arc, Mutex, PoisonError};

use super::load::{Unloadable, load};
use super::network::Network;
use crate::node::Model;

/// Keeps networks for as long as it lives.
#[derive(Default)]
pub struct Shelf(Mutex<Vec<(Model, Arc<Network>)>>);

impl Shelf {
    /// The network of `model`, loaded if this is the first time it is asked for. Two entries that
    /// differ in nothing but their name are one network.
    ///
    /// # Errors
    /// [`Unloadable`], every time it is asked for.
    pub fn take(&self, model: &Model) -> Result<Arc<Network>, Unloadable> {
        // Under the lock: who wants the same network may as well wait for it.
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &Model| {
            (&other.path, other.digest, &other.input) == (&model.path, model.digest, &model.input)
        };
        if let Some((_, network)) = loaded.iter().find(|(other, _)| same(other)) {
            return Ok(network.clone());
        }
        let network = Arc::new(load(model)?);
        loaded.push((model.clone(), network.clone()));
        Ok(network)
    }
}
