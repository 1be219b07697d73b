//! `collect`: a sink that counts what reaches it, and on request keeps it for a test to look at.
//!
//! Owns the baskets: a test opens one by name, a node puts items into it, the test waits for them.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::diagnostic::Diagnostic;
use crate::media::Item;
use crate::node::{
    About, Accepts, Adjusted, Contract, Counter, Format, Halt, InputPort, Inputs, Node, NodeError, NodeKind,
    Pace, Role, Setting, Settings, Sink, Site, Takes, Work,
};

/// How soon a stop is noticed.
const LONGEST_NAP: Duration = Duration::from_millis(20);

static ABOUT: About = About {
    name: "collect",
    role: Role::Sink,
    summary: "counts what reaches it and lets go of it; for tests and measurements",
    with: &[
        Setting::with_default(
            "delay",
            Takes::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
            "0s",
            "How long it takes over each item: a slow consumer to try a graph with",
        ),
        Setting::optional(
            "into",
            Takes::Text,
            "The basket that items are kept in, which the embedding program must have opened",
        ),
    ],
    beside: &[],
    open: false,
    example: "- id: end\n  kind: collect\n  inputs: camera\n",
};

/// The kind.
pub struct Collect;

impl NodeKind for Collect {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, settings: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let accepts = [Accepts::any_frames(), vec![Accepts::AccessUnits, Accepts::Detections]].concat();
        // A slow consumer must not take a worker from those that compute.
        let work = if settings.duration("delay").is_zero() { Work::Compute } else { Work::Device };
        Ok(Contract {
            inputs: vec![InputPort::each("items", accepts)],
            outputs: vec![],
            work,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, _: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(vec![])
    }

    fn build(&self, settings: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        let basket = settings.try_text("into").map(find).transpose()?;
        Ok(Node::Sink(Box::new(Collector {
            delay: settings.duration("delay"),
            settings: settings.clone(),
            halt: site.halt.clone(),
            basket,
            items: site.counters.named("items"),
            bytes: site.counters.named("bytes"),
            keyframes: site.counters.named("keyframes"),
        })))
    }
}

struct Collector {
    delay: Duration,
    settings: Settings,
    halt: Halt,
    basket: Option<Arc<Shared>>,
    items: Counter,
    bytes: Counter,
    keyframes: Counter,
}

impl Sink for Collector {
    fn consume(&mut self, mut inputs: Inputs) -> Result<(), NodeError> {
        let Some(item) = inputs.take(0) else {
            return Ok(());
        };
        self.dawdle();
        self.items.add(1);
        if let Item::AccessUnit(unit) = &item {
            self.bytes.add(unit.data.len() as u64);
            self.keyframes.add(u64::from(unit.keyframe));
        }
        if let Some(basket) = &self.basket {
            basket.contents().items.push(item);
            basket.changed.notify_all();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        if let Some(basket) = &self.basket {
            basket.contents().ended = true;
            basket.changed.notify_all();
        }
        Ok(())
    }

    fn adjust(&mut self, settings: &Settings, _: &[Option<Format>]) -> Adjusted {
        if !settings.same_but_for(&self.settings, &["delay"]) {
            return Adjusted::NeedsRebuild;
        }
        self.delay = settings.duration("delay");
        Adjusted::Applied
    }
}

impl Collector {
    /// Takes as long as it was told to, but no longer than the graph has.
    fn dawdle(&self) {
        let until = Instant::now() + self.delay;
        loop {
            let now = Instant::now();
            let left = until.saturating_duration_since(now);
            if left.is_zero() || self.halt.is_past(now) {
                return;
            }
            std::thread::sleep(left.min(LONGEST_NAP));
        }
    }
}

static BASKETS: LazyLock<Mutex<HashMap<String, Weak<Shared>>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Shared {
    contents: Mutex<Contents>,
    changed: Condvar,
}

#[derive(Default)]
struct Contents {
    items: Vec<Item>,
    ended: bool,
}

impl Shared {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(name: &str) -> Result<Arc<Shared>, NodeError> {
    let baskets = BASKETS.lock().unwrap_or_else(PoisonError::into_inner);
    baskets.get(name).and_then(Weak::upgrade).ok_or_else(|| {
        NodeError::stop_graph(format!(
            "no basket called \"{name}\" is open; leave \"into\" out to only count"
        ))
    })
}

/// Where `collect` nodes with `into: NAME` put their items, for as long as this lives.
pub struct Basket(Arc<Shared>);

impl Basket {
    /// Opens the basket called `name`, in place of any other of that name.
    pub fn open(name: &str) -> Basket {
        let shared = Arc::<Shared>::default();
        let mut baskets = BASKETS.lock().unwrap_or_else(PoisonError::into_inner);
        baskets.retain(|_, basket| basket.strong_count() > 0);
        baskets.insert(name.to_owned(), Arc::downgrade(&shared));
        Basket(shared)
    }

    /// What has come so far. The items stay.
    pub fn items(&self) -> Vec<Item> {
        self.0.contents().items.clone()
    }

    /// Waits until at least `count` items are there or the stream has ended, at most `patience`,
    /// and gives what is there then.
    pub fn wait_for(&self, count: usize, patience: Duration) -> Vec<Item> {
        self.wait(patience, |contents| contents.ended || contents.items.len() >= count)
    }

    /// Waits for the end of the stream, at most `patience`, and gives what is there then.
    pub fn wait_for_end(&self, patience: Duration) -> Vec<Item> {
        self.wait(patience, |contents| contents.ended)
    }

    pub fn has_ended(&self) -> bool {
        self.0.contents().ended
    }

    fn wait(&self, patience: Duration, done: impl Fn(&Contents) -> bool) -> Vec<Item> {
        let deadline = Instant::now() + patience;
        let mut contents = self.0.contents();
        while !done(&contents) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            contents = self.0.changed.wait_timeout(contents, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        contents.items.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Detections, Pool, Pts, Region};
    use crate::node::Epoch;
    use serde_json::json;

    fn item(sequence: u64) -> Item {
        Item::Detections(Detections {
            by: "motion".into(),
            pts: Pts::from_nanos(sequence as i64),
            sequence,
            part: Region::WHOLE,
            found: Arc::default(),
        })
    }

    fn build(with: serde_json::Value) -> Result<Box<dyn Sink>, NodeError> {
        let settings = Settings::from_json(ABOUT.with, &with).unwrap();
        let epoch = Epoch { instant: Instant::now(), wall: std::time::SystemTime::now(), live: false };
        match Collect.build(&settings, &[], &Site::alone("end", Pool::new(0), epoch))? {
            Node::Sink(sink) => Ok(sink),
            _ => unreachable!("collect is a sink"),
        }
    }

    #[test]
    fn a_basket_gets_what_its_nodes_collect_until_the_end() {
        let basket = Basket::open("collect-test");
        let mut sink = build(json!({ "into": "collect-test" })).unwrap();
        let other = std::thread::spawn(move || {
            (0..3).for_each(|sequence| sink.consume(Inputs::one(item(sequence))).unwrap());
            sink.finish().unwrap();
        });
        assert!(basket.wait_for(2, Duration::from_secs(10)).len() >= 2);
        assert_eq!(basket.wait_for_end(Duration::from_secs(10)).len(), 3);
        other.join().unwrap();
    }

    #[test]
    fn a_basket_that_nobody_opened_is_named() {
        drop(Basket::open("closed-again"));
        let error = build(json!({ "into": "closed-again" })).err().unwrap();
        assert!(error.message.contains("\"closed-again\""), "{error}");
    }
}
