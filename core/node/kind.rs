//! A kind of node, known before any instance exists.

use super::contract::{Contract, Format};
use super::error::NodeError;
use super::roles::Node;
use super::setting::{Setting, Settings};
use super::site::Site;
use crate::diagnostic::Diagnostic;

/// What a node may do. Roles are closed; kinds are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Produces items.
    Source,
    /// Takes items and gives items.
    Filter,
    /// Only takes items.
    Sink,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Role::Source => "source",
            Role::Filter => "filter",
            Role::Sink => "sink",
        }
    }
}

/// What can be said of a kind without any settings: the source of `framegate kinds`, the JSON
/// Schema and the checks.
#[derive(Clone, Debug)]
pub struct About {
    /// As written after `kind:`.
    pub name: &'static str,
    pub role: Role,
    /// One line, no full stop.
    pub summary: &'static str,
    /// The keys of `with:`.
    pub with: &'static [Setting],
    /// Keys that stand beside `with:` in the node itself, such as `plugin` and `limits`.
    pub beside: &'static [Setting],
    /// Whether `with:` may hold keys that `with` does not list. The kind then checks them itself in
    /// [`NodeKind::contract`]: they come from a schema it only learns there.
    pub open: bool,
    /// A small complete node as YAML, for `framegate kinds KIND` and the schema.
    pub example: &'static str,
}

/// A kind of node. Everything up to `build` is a pure look at settings: no device opens, no port
/// listens, no thread starts.
pub trait NodeKind: Send + Sync {
    fn about(&self) -> &About;

    /// The ports a node with these settings has, and where its work belongs.
    ///
    /// # Errors
    /// Every fault in the settings that their own types could not show, with paths from the node
    /// (`with.box`, `plugin`).
    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>>;

    /// The format of each output port in the order of the contract, given what was agreed for each
    /// input port (`None`: that port is not fed).
    ///
    /// # Errors
    /// When these inputs cannot go together, with a path from the node.
    fn outputs(&self, settings: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic>;

    /// Whether an item that the node failed at goes on as it came. Such a node proves nothing to a
    /// privacy rule. Most kinds end or stop instead, and need not say so.
    fn fails_open(&self, _settings: &Settings) -> bool {
        false
    }

    /// Makes the running node. The only method that touches the world.
    ///
    /// # Errors
    /// When the world refuses: a camera in use, a port taken, a file that cannot be made.
    fn build(&self, settings: &Settings, inputs: &[Option<Format>], site: &Site) -> Result<Node, NodeError>;
}
