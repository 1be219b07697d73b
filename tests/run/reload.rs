//! Graphs that are changed while they run, on the real runner: what stays, what is built, what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use framegate::graph::plan::{Clock, Plan};
use framegate::node::{
    Adjusted, Filter, Format, Handled, Inputs, Node, NodeError, Output, Pace, Role, Settings, Wish, Work,
};
use framegate::run::{Changes, ReloadError};
use serde_json::json;

use super::kinds::{Graph, Log, item, sequence, sink_that_finishes, source};
use super::{start, well};

/// More items than a test waits for.
const PLENTY: u64 = 100_000;

fn ids(all: &[&str]) -> Vec<String> {
    all.iter().map(|id| (*id).to_owned()).collect()
}

fn with_setting(mut graph: Graph, node: usize, name: &str, value: u64) -> Plan {
    graph.0.nodes[node].settings.raw.insert(name.to_owned(), json!(value));
    graph.0
}

/// Passes items on, and writes down what it was made or told to be; `value` 13 needs another built, and
/// 14 is refused.
struct Tuned {
    log: Log<u64>,
}

impl Filter for Tuned {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        out.give(0, inputs.take(0).expect("a turn has its driving item"));
        Ok(())
    }

    fn finish(&mut self, _: &mut Output) -> Result<(), NodeError> {
        Ok(())
    }

    fn request(&mut self, _: Wish) -> Handled {
        Handled::PassOn
    }

    fn adjust(&mut self, settings: &Settings, _: &[Option<Format>]) -> Adjusted {
        match settings.raw.get("value").and_then(serde_json::Value::as_u64).unwrap_or(0) {
            13 => Adjusted::NeedsRebuild,
            14 => Adjusted::Refused("it holds the only one there is".to_owned()),
            value => {
                self.log.push(value);
                Adjusted::Applied
            }
        }
    }
}

/// A source, a filter that counts how often it is built and hears of its settings, a sink.
struct Chain {
    seen: Log<u64>,
    told: Log<u64>,
    built: Arc<AtomicUsize>,
    count: u64,
}

impl Chain {
    fn of(count: u64) -> Chain {
        Chain { seen: Log::default(), told: Log::default(), built: Arc::default(), count }
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new(Clock::Live);
        let camera = graph.counting("camera", self.count);
        graph.0.nodes[camera].contract.pace = Pace::ByPts;
        let (told, built) = (self.told.clone(), self.built.clone());
        let tuned = graph.node("tuned", Role::Filter, move |_| {
            built.fetch_add(1, Ordering::SeqCst);
            Ok(Node::Filter(Box::new(Tuned { log: told.clone() })))
        });
        let below = graph.collecting("below", &self.seen);
        graph.block(camera, tuned);
        graph.block(tuned, below);
        graph
    }

    fn built(&self) -> usize {
        self.built.load(Ordering::SeqCst)
    }
}

#[test]
fn a_node_takes_other_settings_while_it_runs_and_is_not_built_again() {
    let chain = Chain::of(PLENTY);
    let running = start(chain.graph(), 2);
    chain.seen.wait_for(3);
    let changes = running.control().reload(with_setting(chain.graph(), 1, "value", 7)).unwrap();
    assert_eq!(changes, Changes { adjusted: ids(&["tuned"]), ..Changes::default() });
    assert_eq!((chain.built(), chain.told.all()), (1, vec![7]));
    let so_far = chain.seen.all().len();
    chain.seen.wait_for(so_far + 3);
    running.stop();
    assert_eq!(running.wait(), well());
    let seen = chain.seen.all();
    assert!(seen.iter().copied().eq(0..seen.len() as u64), "not an item was lost: {seen:?}");
}

#[test]
fn a_filter_that_is_built_anew_takes_over_between_two_items() {
    let chain = Chain::of(60);
    let running = start(chain.graph(), 2);
    chain.seen.wait_for(3);
    let changes = running.control().reload(with_setting(chain.graph(), 1, "value", 13)).unwrap();
    assert_eq!(changes, Changes { replaced: ids(&["tuned"]), ..Changes::default() });
    let watch = running.watch();
    assert_eq!(running.wait(), well());
    assert_eq!(chain.built(), 2);
    assert!(chain.seen.all().into_iter().eq(0..60), "not an item was lost: {:?}", chain.seen.all());
    let turns = watch.report().nodes[1].turns;
    assert!(0 < turns && turns < 60, "the ledger is the new node's own: {turns}");
}

#[test]
fn a_change_that_cannot_be_built_is_refused_and_what_was_adjusted_is_put_back() {
    let chain = Chain::of(PLENTY);
    let running = start(chain.graph(), 2);
    chain.seen.wait_for(3);
    let mut graph = chain.graph();
    let file = graph.node("file", Role::Sink, |_| Err(NodeError::stop_graph("the disk is full")));
    graph.block(1, file);
    let refused = running.control().reload(with_setting(graph, 1, "value", 7)).unwrap_err();
    assert_eq!(refused.to_string(), "\"file\" cannot start: the disk is full; the graph goes on as it was");
    assert_eq!(chain.told.all(), [7, 0], "it was told to be as it was");
    assert_eq!(running.watch().plan().nodes.len(), 3);
    let so_far = chain.seen.all().len();
    chain.seen.wait_for(so_far + 3);
    running.stop();
    assert_eq!(running.wait(), well());
}

#[test]
fn a_change_that_a_node_refuses_is_refused_in_its_words_and_what_was_adjusted_is_put_back() {
    let chain = Chain::of(PLENTY);
    let with_another = || {
        let mut graph = chain.graph();
        let tuned = |_: &_| Ok(Node::Filter(Box::new(Tuned { log: Log::default() }) as Box<dyn Filter>));
        let (camera, end) =
            (graph.node("only", Role::Filter, tuned), graph.collecting("end", &Log::default()));
        graph.block(0, camera);
        graph.block(camera, end);
        (graph, camera)
    };
    let running = start(with_another().0, 2);
    chain.seen.wait_for(3);
    let (mut graph, camera) = with_another();
    graph.0.nodes[camera].settings.raw.insert("value".to_owned(), json!(14));
    let refused = running.control().reload(with_setting(graph, 1, "value", 7)).unwrap_err();
    let why = "\"only\" cannot change: it holds the only one there is; the graph goes on as it was";
    assert_eq!(refused.to_string(), why);
    assert_eq!((chain.told.all(), chain.built()), (vec![7, 0], 1));
    let so_far = chain.seen.all().len();
    chain.seen.wait_for(so_far + 3);
    running.stop();
    assert_eq!(running.wait(), well());
}

#[test]
fn a_sink_that_is_taken_out_has_finished_and_is_gone_when_the_change_is_done() {
    struct Held(Arc<AtomicBool>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (chain, gone, log) = (Chain::of(PLENTY), Arc::new(AtomicBool::new(false)), Log::default());
    let mut graph = chain.graph();
    let (flag, words) = (gone.clone(), log.clone());
    let file = graph.node("file", Role::Sink, move |_| {
        let (held, words, last) = (Held(flag.clone()), words.clone(), words.clone());
        let consume = move |_| {
            let _ = &held;
            words.push("item");
            Ok(())
        };
        Ok(sink_that_finishes(consume, move || last.push("finished")))
    });
    graph.block(1, file);
    let running = start(graph, 2);
    log.wait_for(3);
    let changes = running.control().reload(chain.graph().0).unwrap();
    assert_eq!(changes, Changes { removed: ids(&["file"]), ..Changes::default() });
    assert_eq!(log.all().last(), Some(&"finished"));
    assert!(gone.load(Ordering::SeqCst), "what it held open is let go");
    let so_far = chain.seen.all().len();
    chain.seen.wait_for(so_far + 3);
    running.stop();
    assert_eq!(running.wait(), well());
}

#[test]
fn a_device_that_is_added_has_its_thread_and_one_that_is_taken_out_is_asked_no_more() {
    let with_device = |chain: &Chain, names: &Log<String>| {
        let (mut graph, names) = (chain.graph(), names.clone());
        let device = graph.node("second", Role::Source, move |_| {
            let (names, mut next) = (names.clone(), 0);
            Ok(source(move |out| {
                names.push(thread::current().name().unwrap_or_default().to_owned());
                out.give(0, item(next));
                next += 1;
                Ok(framegate::node::Flow::More)
            }))
        });
        graph.0.nodes[device].contract.work = Work::Device;
        let end = graph.node("end", Role::Sink, |_| {
            Ok(super::kinds::sink(|mut inputs| {
                sequence(&inputs.take(0).expect("a turn has its driving item"));
                Ok(())
            }))
        });
        graph.block(device, end);
        graph.0
    };
    let (chain, names) = (Chain::of(PLENTY), Log::default());
    let running = start(chain.graph(), 1);
    let changes = running.control().reload(with_device(&chain, &names)).unwrap();
    assert_eq!(changes.added, ids(&["second", "end"]));
    names.wait_for(3);
    assert_eq!(names.all()[0], "node-second");
    let changes = running.control().reload(chain.graph().0).unwrap();
    assert_eq!(changes.removed, ids(&["second", "end"]));
    let asked = names.all().len();
    let so_far = chain.seen.all().len();
    chain.seen.wait_for(so_far + 3);
    assert_eq!(names.all().len(), asked);
    running.stop();
    assert_eq!(running.wait(), well());
}

#[test]
fn a_node_that_gave_up_is_built_anew_by_the_next_change() {
    let failing = Arc::new(AtomicBool::new(true));
    let seen = Log::default();
    let graph = || {
        let mut graph = Graph::new(Clock::Live);
        let camera = graph.counting("camera", PLENTY);
        graph.0.nodes[camera].contract.pace = Pace::ByPts;
        let fails = failing.clone();
        let weak = graph.passing("weak", move |_| match fails.load(Ordering::SeqCst) {
            true => Err(NodeError::stop_node("not today")),
            false => Ok(()),
        });
        let (below, beside) = (graph.collecting("below", &seen), graph.collecting("beside", &Log::default()));
        graph.block(camera, weak);
        graph.block(weak, below);
        graph.block(camera, beside);
        graph
    };
    let running = start(graph(), 2);
    let watch = running.watch();
    let has_failed = || matches!(watch.report().nodes[1].state, framegate::run::NodeState::Failed(_));
    while !has_failed() {
        thread::yield_now();
    }
    failing.store(false, Ordering::SeqCst);
    let changes = running.control().reload(graph().0).unwrap();
    assert_eq!(changes.replaced, ids(&["weak", "below"]));
    seen.wait_for(3);
    running.stop();
    assert_eq!(running.wait(), well());
}

#[test]
fn what_is_offline_or_ending_is_not_changed() {
    let chain = Chain::of(PLENTY);
    let running = start(chain.graph(), 2);
    let mut offline = chain.graph();
    offline.0.clock = Clock::Offline;
    let refused = running.control().reload(offline.0);
    assert!(matches!(refused, Err(ReloadError::Offline)));
    let control = running.control();
    running.stop();
    assert!(matches!(control.reload(chain.graph().0), Err(ReloadError::Ending)));
    assert_eq!(running.wait(), well());
    assert!(matches!(control.reload(chain.graph().0), Err(ReloadError::Ending)));
}
