//! Who may call the server and how: tokens and their rights, TLS files, ICE servers, as a plan holds them.
//!
//! Owns the one place a secret lives in a plan, and that it is printed by nobody. Leaves asking for
//! it to `serve`.

use std::fmt;
use std::path::PathBuf;

/// Text that is never shown: not by `show`, not in a log, not in an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one who must send or compare it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What a token lets its bearer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Watch, and read the API and the metrics.
    View,
    /// Send a stream in.
    Publish,
    /// Everything, changes to the running graph included.
    Admin,
}

impl Right {
    /// By the names a graph gives them, weakest first.
    pub const NAMES: [&'static str; 3] = ["view", "publish", "admin"];

    pub fn name(self) -> &'static str {
        Right::NAMES[self as usize]
    }

    /// `None` for what is not one of the [names](Right::NAMES).
    pub fn named(name: &str) -> Option<Right> {
        [Right::View, Right::Publish, Right::Admin].into_iter().find(|right| right.name() == name)
    }
}

/// One entry of `tokens:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub secret: Secret,
    pub rights: Vec<Right>,
}

impl Token {
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right) || self.rights.contains(&Right::Admin)
    }
}

/// The files of `tls:`, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate first, then those that lead to its root.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A STUN or TURN server that viewers are told to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host:port`, `turn:host:port?transport=udp`, `turns:…`.
    pub urls: Vec<String>,
    /// For TURN: who the viewer says it is, and the proof.
    pub account: Option<(String, Secret)>,
}
