//! The set of kinds a build knows, as it is handed to whoever must not know them by name.

use std::sync::Arc;

use super::kind::NodeKind;

/// A kind this build was made without.
#[derive(Clone, Debug)]
pub struct Absent {
    pub name: &'static str,
    pub summary: &'static str,
    /// The cargo feature that brings it.
    pub feature: &'static str,
}

/// Every kind of this build, in the order they are listed to people.
#[derive(Clone, Default)]
pub struct Kinds {
    pub present: Vec<Arc<dyn NodeKind>>,
    pub absent: Vec<Absent>,
    /// Words that people write for a kind, and what to write instead.
    pub other_names: Vec<(&'static str, String)>,
}

impl Kinds {
    pub fn find(&self, name: &str) -> Option<&Arc<dyn NodeKind>> {
        self.present.iter().find(|kind| kind.about().name == name)
    }

    pub fn find_absent(&self, name: &str) -> Option<&Absent> {
        self.absent.iter().find(|kind| kind.name == name)
    }

    /// What to write instead of `name`, which is no kind but means one.
    pub fn other_name(&self, name: &str) -> Option<&str> {
        self.other_names.iter().find(|(word, _)| *word == name).map(|(_, instead)| instead.as_str())
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.present.iter().map(|kind| kind.about().name)
    }
}
