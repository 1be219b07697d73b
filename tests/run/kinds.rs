//! Kinds made on the spot out of closures, plans made of them, and things to wait for.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use framegate::diagnostic::Diagnostic;
use framegate::graph::plan::{Clock, LinkId, NodeId, Plan, PlanLink, PlanNode, Server};
use framegate::media::{Detections, Item, Pts, Region};
use framegate::node::{
    About, Accepts, Adjusted, Contract, Filter, Flow, Format, Handled, InputPort, Inputs, Join, Node,
    NodeError, NodeKind, Output, OutputPort, Pace, Role, Settings, Sink, Site, Source, WhenFull, Wish, Work,
};

type Build = Box<dyn Fn(&Site) -> Result<Node, NodeError> + Send + Sync>;

struct Kind {
    about: About,
    contract: Contract,
    build: Build,
}

impl NodeKind for Kind {
    fn about(&self) -> &About {
        &self.about
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        Ok(self.contract.clone())
    }

    fn outputs(&self, _: &Settings, _: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        Ok(self.contract.outputs.iter().map(|_| Format::Detections).collect())
    }

    fn build(&self, _: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        (self.build)(site)
    }
}

/// A plan in the making. Nodes come after all that feed them.
pub struct Graph(pub Plan);

impl Graph {
    pub fn new(clock: Clock) -> Graph {
        let server = Server::default();
        Graph(Plan { name: "test".to_owned(), clock, nodes: vec![], links: vec![], server, models: vec![] })
    }

    pub fn node(
        &mut self,
        id: &str,
        role: Role,
        build: impl Fn(&Site) -> Result<Node, NodeError> + Send + Sync + 'static,
    ) -> usize {
        let outputs = if role == Role::Sink { vec![] } else { vec![OutputPort { name: "items" }] };
        let contract = Contract { inputs: vec![], outputs, work: Work::Compute, pace: Pace::Free };
        let about =
            About { name: "test", role, summary: "", with: &[], beside: &[], open: false, example: "" };
        let kind = Kind { about, contract: contract.clone(), build: Box::new(build) };
        self.0.nodes.push(PlanNode {
            id: id.to_owned(),
            kind: Arc::new(kind),
            settings: Settings::default(),
            formats: contract.outputs.iter().map(|_| Format::Detections).collect(),
            outputs: contract.outputs.iter().map(|_| vec![]).collect(),
            contract,
            inputs: vec![],
            inserted: false,
            priority: None,
        });
        self.0.nodes.len() - 1
    }

    /// A source of `count` items, 10 ms of PTS apart.
    pub fn counting(&mut self, id: &str, count: u64) -> usize {
        self.node(id, Role::Source, move |_| {
            let mut next = 0;
            Ok(source(move |out| {
                if next == count {
                    return Ok(Flow::End);
                }
                out.give(0, item(next));
                next += 1;
                Ok(Flow::More)
            }))
        })
    }

    /// A filter that lets items through unless `fate` has something against it.
    pub fn passing(
        &mut self,
        id: &str,
        fate: impl Fn(u64) -> Result<(), NodeError> + Send + Sync + Clone + 'static,
    ) -> usize {
        self.node(id, Role::Filter, move |_| {
            let fate = fate.clone();
            Ok(filter(move |mut inputs, out| {
                let item = inputs.take(0).expect("a turn has its driving item");
                fate(sequence(&item))?;
                out.give(0, item);
                Ok(())
            }))
        })
    }

    /// A sink that writes down the sequence number of each item.
    pub fn collecting(&mut self, id: &str, log: &Log<u64>) -> usize {
        let log = log.clone();
        self.node(id, Role::Sink, move |_| {
            let log = log.clone();
            Ok(sink(move |mut inputs| {
                log.push(sequence(&inputs.take(0).expect("a turn has its driving item")));
                Ok(())
            }))
        })
    }

    /// A link with a capacity of 2 to a new input port of `to`.
    pub fn link(&mut self, from: usize, to: usize, when_full: WhenFull, join: Join) {
        let id = LinkId(self.0.links.len());
        let node = &mut self.0.nodes[to];
        let to_port = node.inputs.len();
        node.inputs.push(Some(id));
        let port = InputPort::each("items", vec![Accepts::Detections]);
        node.contract.inputs.push(InputPort { join, ..port });
        self.0.nodes[from].outputs[0].push(id);
        self.0.links.push(PlanLink {
            from: NodeId(from),
            from_port: 0,
            to: NodeId(to),
            to_port,
            format: Format::Detections,
            capacity: 2,
            when_full,
            join,
            max_age: None,
            rate: None,
        });
    }

    pub fn block(&mut self, from: usize, to: usize) {
        self.link(from, to, WhenFull::Block, Join::Each);
    }
}

struct FnSource<F>(F, Log<Wish>);
struct FnFilter<F>(F);
struct FnSink<F, G>(F, G);

impl<F: FnMut(&mut Output) -> Result<Flow, NodeError> + Send> Source for FnSource<F> {
    fn next(&mut self, out: &mut Output) -> Result<Flow, NodeError> {
        (self.0)(out)
    }

    fn request(&mut self, wish: Wish) -> Handled {
        self.1.push(wish);
        Handled::Here
    }

    fn adjust(&mut self, _: &Settings) -> Adjusted {
        Adjusted::Applied
    }
}

impl<F: FnMut(Inputs, &mut Output) -> Result<(), NodeError> + Send> Filter for FnFilter<F> {
    fn process(&mut self, inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        (self.0)(inputs, out)
    }

    fn finish(&mut self, _: &mut Output) -> Result<(), NodeError> {
        Ok(())
    }

    fn request(&mut self, _: Wish) -> Handled {
        Handled::PassOn
    }

    fn adjust(&mut self, _: &Settings, _: &[Option<Format>]) -> Adjusted {
        Adjusted::Applied
    }
}

impl<F, G> Sink for FnSink<F, G>
where
    F: FnMut(Inputs) -> Result<(), NodeError> + Send,
    G: FnMut() + Send,
{
    fn consume(&mut self, inputs: Inputs) -> Result<(), NodeError> {
        (self.0)(inputs)
    }

    fn finish(&mut self) -> Result<(), NodeError> {
        (self.1)();
        Ok(())
    }

    fn adjust(&mut self, _: &Settings, _: &[Option<Format>]) -> Adjusted {
        Adjusted::Applied
    }
}

pub fn source(next: impl FnMut(&mut Output) -> Result<Flow, NodeError> + Send + 'static) -> Node {
    source_that_hears(next, &Log::default())
}

/// A source that writes down what is wished of it.
pub fn source_that_hears(
    next: impl FnMut(&mut Output) -> Result<Flow, NodeError> + Send + 'static,
    wishes: &Log<Wish>,
) -> Node {
    Node::Source(Box::new(FnSource(next, wishes.clone())))
}

pub fn filter(process: impl FnMut(Inputs, &mut Output) -> Result<(), NodeError> + Send + 'static) -> Node {
    Node::Filter(Box::new(FnFilter(process)))
}

pub fn sink(consume: impl FnMut(Inputs) -> Result<(), NodeError> + Send + 'static) -> Node {
    sink_that_finishes(consume, || ())
}

pub fn sink_that_finishes(
    consume: impl FnMut(Inputs) -> Result<(), NodeError> + Send + 'static,
    finish: impl FnMut() + Send + 'static,
) -> Node {
    Node::Sink(Box::new(FnSink(consume, finish)))
}

pub fn item(sequence: u64) -> Item {
    let pts = Pts::ZERO.after(Duration::from_millis(10 * sequence));
    let (part, found) = (Region::WHOLE, Arc::default());
    Item::Detections(Detections { by: "a".into(), pts, sequence, part, found })
}

pub fn sequence(item: &Item) -> u64 {
    match item {
        Item::Detections(detections) => detections.sequence,
        Item::Frame(_) | Item::AccessUnit(_) => panic!("these graphs carry detections alone"),
    }
}

/// What happened, in order; whoever needs it can wait for it.
pub struct Log<T>(Arc<(Mutex<Vec<T>>, Condvar)>);

impl<T> Default for Log<T> {
    fn default() -> Log<T> {
        Log(Arc::new((Mutex::new(Vec::new()), Condvar::new())))
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Log<T> {
        Log(self.0.clone())
    }
}

impl<T: Clone> Log<T> {
    pub fn push(&self, entry: T) {
        self.0.0.lock().unwrap().push(entry);
        self.0.1.notify_all();
    }

    pub fn all(&self) -> Vec<T> {
        self.0.0.lock().unwrap().clone()
    }

    pub fn wait_for(&self, count: usize) {
        let entries = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(entries, |entries| entries.len() < count).unwrap());
    }
}

/// A door that is shut until somebody opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(open, |open| !*open).unwrap());
    }
}
