//! The traits a plugin implements: `Plugin`, and one that does the work.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Canvas, Detection, Frame, Metadata, PixelFormat, Result};

/// What a plugin is, and how its settings make it.
///
/// Its name, version and summary come from its `Cargo.toml`.
pub trait Plugin: Sized + 'static {
    /// The node's `with:` block. Its schema reaches the host, which checks settings before the
    /// plugin hears of them and shows the doc comments as help.
    type Settings: DeserializeOwned + JsonSchema;

    /// Formats the plugin can work on, best first; the graph converts where needed. Empty: any.
    const FORMATS: &'static [PixelFormat];

    /// Roles the plugin claims: `privacy` for one that hides something. The host then never lets a
    /// frame past that the plugin has not handled.
    const ROLES: &'static [&'static str] = &[];

    /// # Errors
    /// When the settings keep to the schema and still make no sense together.
    fn new(settings: Self::Settings) -> Result<Self>;

    /// Takes new settings while running. Makes the plugin anew, unless it has something to keep:
    /// then implement this. After an error it goes on with the settings it had.
    ///
    /// # Errors
    /// As [`Plugin::new`].
    fn configure(&mut self, settings: Self::Settings) -> Result<()> {
        *self = Self::new(settings)?;
        Ok(())
    }
}

/// For a plugin that keeps what it knows when it is swapped for a newer build, or with other
/// settings: `register_filter!(T, snapshot)`.
pub trait Snapshot: Plugin {
    /// At most 1 MiB.
    fn save(&self) -> Vec<u8>;

    /// Takes what an instance of `from_version` saved. It may be anything: check it.
    fn restore(&mut self, from_version: &str, saved: &[u8]) -> Restored;
}

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    Taken,
    /// Not understood: the plugin starts afresh.
    Refused,
}

/// For a plugin without settings.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, with what was changed.
    Pass,
    /// It ends here, and is counted as dropped by this node.
    Drop,
}

/// Changes pixels. Made a component by [`register_filter!`](crate::register_filter).
pub trait Filter: Plugin {
    /// Changes count only when this succeeds: after an error the frame is as it was, and the graph
    /// does with it what the node's `on_error` says.
    fn process(&mut self, frame: &mut Frame) -> Result<Verdict>;
}

/// Looks and reports. Made a component by [`register_detector!`](crate::register_detector).
pub trait Detector: Plugin {
    /// What is in this frame. Ask for a small [`Frame::sample`] rather than for planes.
    fn detect(&mut self, frame: &Frame) -> Result<Vec<Detection>>;
}

/// Paints from what others found, without seeing a pixel. Made a component by
/// [`register_overlay!`](crate::register_overlay).
pub trait Overlay: Plugin {
    fn paint(&mut self, canvas: &mut Canvas) -> Result<Verdict>;
}

/// Tracks, counts and alerts, blind to pixels. Made a component by
/// [`register_analyzer!`](crate::register_analyzer).
pub trait Analyzer: Plugin {
    fn analyze(&mut self, metadata: &mut Metadata) -> Result<Verdict>;
}
