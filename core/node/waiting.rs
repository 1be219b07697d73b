//! What a running node waits for, in words: a camera that was unplugged, say.

use std::sync::{Arc, Mutex, PoisonError};

/// What keeps a node from its work just now, for whoever reports on the graph. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Mutex<Option<String>>>);

impl Waiting {
    /// From now on the node waits; `why` is a sentence without its full stop.
    pub fn begin(&self, why: String) {
        self.set(Some(why));
    }

    /// What it waited for is there.
    pub fn end(&self) {
        self.set(None);
    }

    /// Why it waits, if it does.
    pub fn why(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, why: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}
