//! What one plugin may use, and the message when it used more.
//!
//! Owns the `limits:` group of a plugin node, its defaults and ceilings, and the guard over memory
//! and tables. Leaves time to `instance` and the journal's own bounds to `host::journal`.

use std::fmt;
use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::node::{Setting, Settings, Takes, units};

/// The first frame of a run, and everything that is not a frame: describe, configure.
pub const START_TIME: Duration = Duration::from_secs(5);
/// Without a rate to go by, frames are taken to come this often.
const USUAL_INTERVAL: Duration = Duration::from_millis(33);
/// A busy machine can stop any thread for this long; less would punish the innocent.
const LEAST_HARD_TIME: Duration = Duration::from_millis(250);
/// How many soft limits make a hard one.
const HARD_FACTOR: u32 = 10;
/// A call that copies no pictures (settings, schemas, snapshots) may copy this much.
pub const COPY_WITHOUT_FRAME: usize = 2 << 20;
/// What a plugin may hand to its successor.
pub const SNAPSHOT: usize = 1 << 20;
/// Besides two frames, what one host call may copy.
const COPY_BESIDES: usize = 1 << 20;
/// A plugin's request for random bytes.
pub const RANDOM_BYTES: u64 = 64 << 10;

const MIB: u64 = 1 << 20;

/// The keys of `limits:`.
pub const SETTINGS: &[Setting] = &[
    Setting::optional(
        "time",
        Takes::Duration { least: Duration::from_micros(100), most: Duration::from_secs(10) },
        "what a frame should take; more is counted as late. The time from frame to frame if left out",
    ),
    Setting::optional(
        "stop_after",
        Takes::Duration { least: Duration::from_millis(1), most: Duration::from_secs(60) },
        "what a frame may take; then the plugin is stopped and started anew. Ten times `time`, but at \
         least 250ms, if left out, and 5s for the first frame of a run",
    ),
    Setting::with_default(
        "memory",
        Takes::Bytes { least: MIB, most: 512 * MIB },
        "64MiB",
        "memory the plugin may have, all its memories together",
    ),
    Setting::with_default(
        "table_elements",
        Takes::Integer { least: 0, most: 1_000_000 },
        "20000",
        "elements its tables may have together",
    ),
    Setting::with_default(
        "instances",
        Takes::Integer { least: 1, most: 128 },
        "16",
        "core modules it may be made of, and tables and memories; languages with an interpreter need more",
    ),
    Setting::with_default(
        "handles",
        Takes::Integer { least: 16, most: 65_536 },
        "1024",
        "resources (sprites among them) it may hold at once",
    ),
    Setting::with_default(
        "draw",
        Takes::Integer { least: 1, most: 1000 },
        "8",
        "how many times over it may draw on a whole picture, in one frame",
    ),
];

/// What one instance may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// What a frame should take; `None`: as long as from frame to frame.
    time: Option<Duration>,
    /// What a frame may take.
    stop_after: Option<Duration>,
    pub memory: usize,
    pub table_elements: usize,
    pub instances: usize,
    pub handles: usize,
    /// Drawing per frame, in pictures.
    pub draw: u64,
}

impl Limits {
    /// Reads a checked `limits:` group.
    pub fn read(settings: &Settings) -> Limits {
        // The table bounds every number far below what a `usize` holds.
        let count = |name| settings.integer(name) as usize;
        Limits {
            time: settings.try_duration("time"),
            stop_after: settings.try_duration("stop_after"),
            memory: settings.bytes("memory") as usize,
            table_elements: count("table_elements"),
            instances: count("instances"),
            handles: count("handles"),
            draw: settings.integer("draw") as u64,
        }
    }

    /// Reads limits from a command line, each as `memory=128MiB`; the others have their defaults.
    ///
    /// # Errors
    /// A sentence about the first that is none.
    pub fn given(limits: &[String]) -> Result<Limits, String> {
        let mut group = serde_json::Map::new();
        for limit in limits {
            let form = || format!("\"{limit}\" is not of the form key=value, such as memory=128MiB");
            let (name, value) = limit.split_once('=').ok_or_else(form)?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            group.insert(name.to_owned(), value);
            // One after another, so that it is known which it was.
            let whole = Settings::from_json(SETTINGS, &group.clone().into());
            whole.map_err(|why| format!("`--limit {limit}`: {why}"))?;
        }
        Settings::from_json(SETTINGS, &group.into()).map(|settings| Limits::read(&settings))
    }

    /// Whether something that `other` is too small for may fit.
    pub fn allow_more_than(&self, other: &Limits) -> bool {
        self.memory > other.memory
            || self.table_elements > other.table_elements
            || self.instances > other.instances
            || self.handles > other.handles
    }

    /// What a frame should take when frames come every `interval`.
    pub fn soft_time(&self, interval: Option<Duration>) -> Duration {
        self.time.or(interval).unwrap_or(USUAL_INTERVAL)
    }

    /// What a frame may take when frames come every `interval`.
    pub fn hard_time(&self, interval: Option<Duration>) -> Duration {
        let usual = || (self.soft_time(interval) * HARD_FACTOR).max(LEAST_HARD_TIME);
        self.stop_after.unwrap_or_else(usual)
    }

    /// What the node's very first frame may take. It builds tables and warms caches, and is no
    /// measure of the others; but what the graph says of `stop_after` holds for it too.
    pub fn first_time(&self, interval: Option<Duration>) -> Duration {
        self.stop_after.unwrap_or_else(|| self.hard_time(interval).max(START_TIME))
    }

    /// What one host call may copy while a frame of `frame_bytes` is lent.
    pub fn copied(frame_bytes: usize) -> usize {
        2 * frame_bytes + COPY_BESIDES
    }
}

impl Default for Limits {
    fn default() -> Limits {
        let empty = serde_json::json!({});
        Limits::read(&Settings::from_json(SETTINGS, &empty).expect("the defaults keep to their own table"))
    }
}

/// A guest asked for more than its limit.
#[derive(Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// As written under `limits:`.
    pub limit: &'static str,
    pub allowed: String,
    pub wanted: String,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exceeded { limit, allowed, wanted } = self;
        write!(f, "it wanted {wanted} and is allowed {allowed}; raise it with `limits: {{ {limit}: … }}`")
    }
}

impl std::error::Error for Exceeded {}

/// Watches over one store's memories and tables. An error rather than a refusal: a guest that is
/// told no goes on with a null pointer, one that is stopped leaves a message with the numbers.
pub struct Guard {
    memory: usize,
    memory_limit: usize,
    elements: usize,
    elements_limit: usize,
    instances: usize,
    /// What the last permitted growth added, in case it then fails.
    last: usize,
}

impl Guard {
    pub fn new(limits: &Limits) -> Guard {
        Guard {
            memory: 0,
            memory_limit: limits.memory,
            elements: 0,
            elements_limit: limits.table_elements,
            instances: limits.instances,
            last: 0,
        }
    }

    /// Bytes in all memories.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Bytes that may be in them.
    pub fn memory_limit(&self) -> usize {
        self.memory_limit
    }
}

impl ResourceLimiter for Guard {
    fn memory_growing(&mut self, now: usize, wanted: usize, _most: Option<usize>) -> wasmtime::Result<bool> {
        let more = wanted.saturating_sub(now);
        let total = self.memory.saturating_add(more);
        if total > self.memory_limit {
            return Err(Exceeded {
                limit: "memory",
                allowed: format!("{} of memory", units::show_bytes(self.memory_limit as u64)),
                wanted: units::show_bytes(total as u64),
            }
            .into());
        }
        (self.memory, self.last) = (total, more);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory -= std::mem::take(&mut self.last);
        Ok(())
    }

    fn table_growing(&mut self, now: usize, wanted: usize, _most: Option<usize>) -> wasmtime::Result<bool> {
        let more = wanted.saturating_sub(now);
        let total = self.elements.saturating_add(more);
        if total > self.elements_limit {
            return Err(Exceeded {
                limit: "table_elements",
                allowed: format!("{} table elements", self.elements_limit),
                wanted: total.to_string(),
            }
            .into());
        }
        (self.elements, self.last) = (total, more);
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.elements -= std::mem::take(&mut self.last);
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_follows_the_rate_but_spares_the_unlucky() {
        let limits = Limits::default();
        assert_eq!(limits.soft_time(Some(Duration::from_millis(40))), Duration::from_millis(40));
        assert_eq!(limits.hard_time(Some(Duration::from_millis(40))), Duration::from_millis(400));
        assert_eq!(limits.hard_time(Some(Duration::from_millis(8))), Duration::from_millis(250));
    }

    #[test]
    fn limits_are_given_as_under_limits() {
        let given = |limits: &[&str]| {
            Limits::given(&limits.iter().map(|limit| (*limit).to_owned()).collect::<Vec<_>>())
        };
        let raised = Limits { memory: 128 << 20, instances: 64, ..Limits::default() };
        assert_eq!(given(&["memory=128MiB", "instances=64"]), Ok(raised));
        assert!(given(&["memory"]).unwrap_err().contains("not of the form key=value"));
        let unknown = given(&["instances=64", "memmory=1MiB"]).unwrap_err();
        assert_eq!(unknown, "`--limit memmory=1MiB`: there is no setting \"memmory\"");
        let much = given(&["memory=1GiB"]).unwrap_err();
        assert!(
            much.starts_with("`--limit memory=1GiB`: ") && much.contains("between 1MiB and 512MiB"),
            "{much}"
        );
    }

    #[test]
    fn memories_are_summed_and_the_error_names_the_numbers() {
        let mut guard = Guard::new(&Limits::default());
        assert!(guard.memory_growing(0, 40 << 20, None).unwrap());
        let error = guard.memory_growing(0, 40 << 20, None).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("80MiB") && text.contains("64MiB") && text.contains("memory: …"), "{text}");
        assert!(guard.memory_growing(0, 24 << 20, None).unwrap());
    }

    #[test]
    fn growth_that_failed_is_not_counted() {
        let mut guard = Guard::new(&Limits::default());
        guard.memory_growing(0, 64 << 20, None).unwrap();
        guard.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert!(guard.memory_growing(0, 64 << 20, None).unwrap());
    }
}
