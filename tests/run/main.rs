//! Whole graphs on the real runner, made of small kinds that are built here.

mod command;
mod kinds;
mod recording;
mod reload;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use framegate::graph::plan::Clock;
use framegate::node::{Flow, Join, NodeError, Pace, Role, WhenFull, Wish, Work};
use framegate::run::{self, Ended, How, NodeState, Running};

use kinds::{Gate, Graph, Log, filter, item, sequence, sink, sink_that_finishes, source, source_that_hears};

fn start(graph: Graph, workers: usize) -> Running {
    run::build(graph.0, NonZeroUsize::new(workers).unwrap()).unwrap().start().unwrap()
}

fn well() -> Ended {
    Ended { how: How::InOrder, failures: vec![] }
}

fn failed_nodes(ended: &Ended) -> Vec<&str> {
    ended.failures.iter().map(|failure| failure.node.as_str()).collect()
}

#[test]
fn a_slow_sink_that_drops_slows_nobody() {
    let (seen, late, gate) = (Log::default(), Log::default(), Gate::default());
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", 200);
    let fast = graph.collecting("fast", &seen);
    let (log, door) = (late.clone(), gate.clone());
    let slow = graph.node("slow", Role::Sink, move |_| {
        let (log, door) = (log.clone(), door.clone());
        Ok(sink(move |mut inputs| {
            door.pass();
            log.push(sequence(&inputs.take(0).unwrap()));
            Ok(())
        }))
    });
    graph.block(camera, fast);
    graph.link(camera, slow, WhenFull::DropOldest, Join::Each);
    let running = start(graph, 2);
    seen.wait_for(200); // while the slow one is still at its first
    gate.open();
    let watch = running.watch();
    assert_eq!(running.wait(), well());
    assert_eq!(late.all(), [0, 198, 199]);
    let link = &watch.report().links[1];
    assert_eq!((link.passed, link.dropped[0]), (3, ("full", 197)));
}

#[test]
fn a_link_that_blocks_keeps_everything_in_order() {
    let (left, right) = (Log::default(), Log::default());
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", 500);
    let filter = graph.passing("filter", |_| Ok(()));
    let (one, other) = (graph.collecting("left", &left), graph.collecting("right", &right));
    graph.block(camera, filter);
    graph.block(filter, one);
    graph.block(camera, other);
    assert_eq!(start(graph, 4).wait(), well());
    let all: Vec<u64> = (0..500).collect();
    assert_eq!((left.all(), right.all()), (all.clone(), all));
}

/// A camera, a branch that gives a third of what it gets, and a sink that joins both ways.
fn offline(workers: usize, join: Join) -> Vec<(u64, Option<u64>)> {
    let log = Log::default();
    let mut graph = Graph::new(Clock::Offline);
    let camera = graph.counting("camera", 100);
    let thin = graph.node("thin", Role::Filter, |_| {
        Ok(filter(|mut inputs, out| {
            let item = inputs.take(0).unwrap();
            if sequence(&item).is_multiple_of(3) {
                out.give(0, item);
            }
            Ok(())
        }))
    });
    let entries = log.clone();
    let both = graph.node("both", Role::Sink, move |_| {
        let entries = entries.clone();
        Ok(sink(move |mut inputs| {
            let driving = sequence(&inputs.take(0).unwrap());
            entries.push((driving, inputs.take(1).as_ref().map(sequence)));
            Ok(())
        }))
    });
    graph.block(camera, thin);
    graph.block(camera, both);
    graph.link(thin, both, WhenFull::Block, join);
    assert_eq!(start(graph, workers).wait(), well());
    log.all()
}

#[test]
fn offline_any_number_of_workers_gives_the_same() {
    for workers in [1, 2, 4] {
        let same: Vec<_> = (0..100).map(|n| (n, (n % 3 == 0).then_some(n))).collect();
        assert_eq!(offline(workers, Join::SamePts), same);
        let newest: Vec<_> = (0..100).map(|n| (n, Some(n - n % 3))).collect();
        assert_eq!(offline(workers, Join::Latest), newest);
    }
}

#[test]
fn a_graph_stopped_while_its_links_are_full_drains_and_finishes() {
    let (log, gate, finished) = (Log::default(), Gate::default(), Arc::new(AtomicBool::new(false)));
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", u64::MAX);
    let filter = graph.passing("filter", |_| Ok(()));
    let (entries, door, end) = (log.clone(), gate.clone(), finished.clone());
    let file = graph.node("file", Role::Sink, move |_| {
        let (entries, door, end) = (entries.clone(), door.clone(), end.clone());
        let consume = move |mut inputs: framegate::node::Inputs| {
            entries.push(sequence(&inputs.take(0).unwrap()));
            door.pass();
            Ok(())
        };
        Ok(sink_that_finishes(consume, move || end.store(true, Ordering::SeqCst)))
    });
    graph.block(camera, filter);
    graph.block(filter, file);
    let running = start(graph, 2);
    log.wait_for(1);
    running.stop();
    gate.open();
    let watch = running.watch();
    assert_eq!(running.wait(), well());
    assert!(finished.load(Ordering::SeqCst));
    let report = watch.report();
    assert!(report.links.iter().all(|link| link.dropped.iter().all(|(_, count)| *count == 0)));
    assert_eq!(log.all().len() as u64, report.nodes[0].given, "everything given was drained");
}

#[test]
fn an_aborted_graph_ends_without_finishing() {
    let (log, finished) = (Log::default(), Arc::new(AtomicBool::new(false)));
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", u64::MAX);
    let (entries, end) = (log.clone(), finished.clone());
    let file = graph.node("file", Role::Sink, move |_| {
        let (entries, end) = (entries.clone(), end.clone());
        let consume = move |_| {
            entries.push(());
            Ok(())
        };
        Ok(sink_that_finishes(consume, move || end.store(true, Ordering::SeqCst)))
    });
    graph.block(camera, file);
    let running = start(graph, 2);
    log.wait_for(1);
    running.abort();
    assert_eq!(running.wait().how, How::Aborted);
    assert!(!finished.load(Ordering::SeqCst));
}

#[test]
fn a_panic_ends_its_node_and_nothing_else() {
    let (seen, cut) = (Log::default(), Log::default());
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", 50);
    let broken = graph.passing("broken", |sequence| match sequence {
        3 => panic!("the third was too much"),
        _ => Ok(()),
    });
    let (below, beside) = (graph.collecting("below", &cut), graph.collecting("beside", &seen));
    graph.block(camera, broken);
    graph.block(broken, below);
    graph.block(camera, beside);
    let running = start(graph, 2);
    let watch = running.watch();
    let ended = running.wait();
    assert_eq!(failed_nodes(&ended), ["broken"]);
    assert!(ended.failures[0].message.contains("the third was too much"));
    assert_eq!((cut.all(), seen.all().len()), (vec![0, 1, 2], 50));
    assert!(matches!(watch.report().nodes[1].state, NodeState::Failed(_)));
}

#[test]
fn a_skipped_item_is_lost_alone() {
    let log = Log::default();
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", 10);
    let picky = graph.passing("picky", |sequence| match sequence % 3 {
        0 => Err(NodeError::skip("not this one")),
        _ => Ok(()),
    });
    let below = graph.collecting("below", &log);
    graph.block(camera, picky);
    graph.block(picky, below);
    let running = start(graph, 2);
    let watch = running.watch();
    assert_eq!(running.wait(), well());
    assert_eq!(log.all(), [1, 2, 4, 5, 7, 8]);
    let report = watch.report();
    assert_eq!((report.nodes[1].turns, report.nodes[1].failed), (10, 4));
    assert!(report.links[0].dropped.contains(&("failed", 4)));
}

#[test]
fn a_node_that_stops_ends_its_branch_and_the_rest_goes_on() {
    let (cut, seen) = (Log::default(), Log::default());
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", 30);
    let ends = graph.passing("ends", |sequence| match sequence {
        5 => Err(NodeError::stop_node("the disk is full")),
        _ => Ok(()),
    });
    let (below, beside) = (graph.collecting("below", &cut), graph.collecting("beside", &seen));
    graph.block(camera, ends);
    graph.block(ends, below);
    graph.block(camera, beside);
    let ended = start(graph, 2).wait();
    assert_eq!(failed_nodes(&ended), ["ends"]);
    assert_eq!((cut.all().len(), seen.all().len()), (5, 30));
}

#[test]
fn a_failure_that_stops_the_graph_stops_it_in_order() {
    let seen = Log::default();
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", u64::MAX);
    let fatal = graph.passing("fatal", |sequence| match sequence {
        5 => Err(NodeError::stop_graph("the camera was unplugged")),
        _ => Ok(()),
    });
    let (below, beside) = (graph.collecting("below", &Log::default()), graph.collecting("beside", &seen));
    graph.block(camera, fatal);
    graph.block(fatal, below);
    graph.block(camera, beside);
    let ended = start(graph, 2).wait();
    assert_eq!((ended.how, failed_nodes(&ended)), (How::InOrder, vec!["fatal"]));
    assert_eq!(ended.failures[0].message, "the camera was unplugged");
}

#[test]
fn a_wish_from_another_thread_reaches_the_source() {
    let wishes = Log::default();
    let mut graph = Graph::new(Clock::Live);
    let hears = wishes.clone();
    let camera = graph.node("camera", Role::Source, move |_| {
        let mut next = 0;
        let give = move |out: &mut framegate::node::Output| {
            next += 1;
            out.give(0, item(next));
            Ok(Flow::More)
        };
        Ok(source_that_hears(give, &hears))
    });
    let filter = graph.passing("filter", |_| Ok(()));
    let relay = graph.node("relay", Role::Sink, |site| {
        let upstream = site.upstream.clone();
        let mut viewer = Some(move || upstream.wish(Wish::Keyframe));
        Ok(sink(move |_| {
            viewer.take().into_iter().for_each(|viewer| drop(thread::spawn(viewer)));
            Ok(())
        }))
    });
    graph.link(camera, filter, WhenFull::DropOldest, Join::Each);
    graph.link(filter, relay, WhenFull::DropOldest, Join::Each);
    let running = start(graph, 2);
    wishes.wait_for(1);
    running.stop();
    assert_eq!(running.wait(), well());
    assert_eq!(wishes.all(), [Wish::Keyframe]);
}

#[test]
fn a_source_that_blocks_has_a_thread_of_its_own_and_can_be_stopped() {
    let asked = Log::default();
    let mut graph = Graph::new(Clock::Live);
    let entries = asked.clone();
    let camera = graph.node("camera", Role::Source, move |_| {
        let entries = entries.clone();
        Ok(source(move |_| {
            entries.push(thread::current().name().map(str::to_owned));
            Ok(Flow::Waiting)
        }))
    });
    graph.0.nodes[camera].contract.work = Work::Device;
    let below = graph.collecting("below", &Log::default());
    graph.block(camera, below);
    let running = start(graph, 1);
    asked.wait_for(3);
    running.stop();
    assert_eq!(running.wait(), well());
    assert_eq!(asked.all()[0].as_deref(), Some("node-camera"));
}

#[test]
fn a_paced_source_is_on_the_graphs_clock_and_never_early() {
    let times = Log::default();
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", 5);
    graph.0.nodes[camera].contract.pace = Pace::ByPts;
    let entries = times.clone();
    let below = graph.node("below", Role::Sink, move |site| {
        let (entries, epoch) = (entries.clone(), site.epoch);
        Ok(sink(move |mut inputs| {
            entries.push((inputs.take(0).unwrap().pts(), epoch.pts_at(Instant::now())));
            Ok(())
        }))
    });
    graph.block(camera, below);
    let running = start(graph, 1);
    let watch = running.watch();
    assert_eq!(running.wait(), well());
    let times = times.all();
    assert_eq!(times.len(), 5);
    assert!(times.iter().all(|(pts, seen)| seen >= pts), "an item came before it was due");
    assert!(times[4].0.since(times[0].0) >= Duration::from_millis(40));
    let latency = watch.report().nodes[1].latency.expect("a sink of a live graph has a latency");
    assert!(latency.p50 > Duration::ZERO);
}

#[test]
fn an_item_goes_down_its_chain_on_one_thread() {
    let threads = Log::default();
    let mut graph = Graph::new(Clock::Live);
    let camera = graph.counting("camera", 1);
    let mut last = camera;
    for id in ["first", "second", "third"] {
        let entries = threads.clone();
        let node = graph.passing(id, move |_| {
            entries.push(thread::current().id());
            Ok(())
        });
        graph.block(last, node);
        last = node;
    }
    let below = graph.collecting("below", &Log::default());
    graph.block(last, below);
    assert_eq!(start(graph, 4).wait(), well());
    let threads = threads.all();
    assert_eq!(threads.len(), 3);
    assert!(threads.iter().all(|thread| *thread == threads[0]));
}

#[test]
fn a_node_that_cannot_be_built_is_named_and_nothing_runs() {
    let asked = Log::default();
    let mut graph = Graph::new(Clock::Live);
    let entries = asked.clone();
    let camera = graph.node("camera", Role::Source, move |_| {
        let entries = entries.clone();
        Ok(source(move |_| {
            entries.push(());
            Ok(Flow::Waiting)
        }))
    });
    let file = graph.node("file", Role::Sink, |_| Err(NodeError::stop_graph("\"/nowhere\" is not there")));
    graph.block(camera, file);
    let error = run::build(graph.0, NonZeroUsize::MIN).err().expect("the file cannot be made");
    assert_eq!(error.to_string(), "\"file\" cannot start: \"/nowhere\" is not there");
    assert_eq!(asked.all(), []);
}

#[test]
fn a_whole_graph_sleeps_from_its_start_until_somebody_watches() {
    let (wishes, seen) = (Log::default(), Log::default());
    let mut graph = Graph::new(Clock::Live);
    let hears = wishes.clone();
    let camera = graph.node("camera", Role::Source, move |_| {
        let mut next = 0;
        let give = move |out: &mut framegate::node::Output| {
            out.give(0, item(next));
            next += 1;
            Ok(Flow::More)
        };
        Ok(source_that_hears(give, &hears))
    });
    let filter = graph.passing("filter", |_| Ok(()));
    let (upstream, log) = (Arc::new(Mutex::new(None)), seen.clone());
    let kept = upstream.clone();
    let relay = graph.node("relay", Role::Sink, move |site| {
        site.upstream.wish(Wish::Sleep);
        *kept.lock().unwrap() = Some(site.upstream.clone());
        let log = log.clone();
        Ok(sink(move |mut inputs| {
            log.push(sequence(&inputs.take(0).unwrap()));
            Ok(())
        }))
    });
    graph.block(camera, filter);
    graph.block(filter, relay);
    let running = start(graph, 2);
    wishes.wait_for(1);
    assert_eq!((wishes.all(), seen.all().len()), (vec![Wish::Sleep], 0));
    upstream.lock().unwrap().as_ref().unwrap().wish(Wish::Wake);
    seen.wait_for(100);
    let turns = |running: &Running| running.watch().report().nodes[camera].turns;
    upstream.lock().unwrap().as_ref().unwrap().wish(Wish::Sleep);
    wishes.wait_for(3);
    // What was under way when it fell asleep has come to rest once two looks are the same.
    let mut last = turns(&running);
    while std::mem::replace(&mut last, turns(&running)) != last {
        thread::yield_now();
    }
    running.stop();
    assert_eq!(running.wait(), well());
    assert_eq!(wishes.all(), [Wish::Sleep, Wish::Wake, Wish::Sleep]);
}
