//! What can go wrong between a reference and a plugin, as one finding each.
//!
//! Owns the shape; whoever sees a fault writes its words. None of them ever holds a password, a token
//! or a URL that a registry made up, for those may have either in them.

use std::fmt;

use crate::diagnostic::{Diagnostic, Path};

/// Why there is no plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As `framegate explain` takes it.
    pub code: &'static str,
    pub message: String,
    /// The next step.
    pub help: String,
}

/// A fault in words: what it is about, the rule, and the next step.
pub fn fault(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Fault {
    Fault { code, message: message.into(), help: help.into() }
}

impl Fault {
    /// As a finding about what stands at `path`.
    pub fn finding(&self, path: &Path) -> Diagnostic {
        Diagnostic::error(self.code, path.clone(), self.message.clone()).help(self.help.clone())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl std::error::Error for Fault {}
