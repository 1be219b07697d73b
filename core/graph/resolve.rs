//! Document → draft: kinds are looked up, settings read, contracts signed, names become indices.
//!
//! Owns what an address means. A part with faults stays in the draft as unknown, so that what is
//! around it can still be checked and nothing is reported twice.

use std::collections::HashMap;
use std::sync::Arc;

use super::address;
use super::document::{self, Document, NODE_KEYS, Wires};
use super::inputs::{self, Options, Wire};
use super::settings::{Reader, Reported, Table, nowhere};
use super::suggest;
use crate::diagnostic::{Diagnostic, Path};
use crate::node::{About, Contract, InputPort, Kinds, NodeKind, Role, Setting, Settings, Value};

/// A graph with its names resolved, faults and all.
pub(super) struct Draft {
    pub nodes: Vec<DraftNode>,
    pub links: Vec<DraftLink>,
    /// Whether every `inputs` could be resolved: only then is what nobody takes worth a word.
    pub links_whole: bool,
}

pub(super) struct DraftNode {
    pub path: Path,
    /// As written, or made up from the kind and place where there was none.
    pub name: String,
    /// Whether links can name it: it has an id, and no node before it has the same.
    pub can_be_named: bool,
    pub kind: Option<Arc<dyn NodeKind>>,
    /// `None`: the kind is unknown or the settings have faults; both were reported.
    pub signed: Option<Signed>,
    /// Whether all of its `inputs` could be resolved.
    pub inputs_whole: bool,
}

/// A node whose kind has agreed to its settings.
pub(super) struct Signed {
    pub settings: Settings,
    pub contract: Contract,
    /// Of a sink.
    pub priority: Option<u8>,
}

/// A link between nodes that exist. A port is `None` while its node's contract is unknown.
pub(super) struct DraftLink {
    pub from: usize,
    pub from_port: Option<usize>,
    pub to: usize,
    pub to_port: Option<usize>,
    pub options: Options,
    pub path: Path,
}

impl DraftNode {
    pub fn role(&self) -> Option<Role> {
        self.kind.as_ref().map(|kind| kind.about().role)
    }

    pub fn contract(&self) -> Option<&Contract> {
        self.signed.as_ref().map(|signed| &signed.contract)
    }

    pub fn input(&self, port: usize) -> Option<&InputPort> {
        self.contract()?.inputs.get(port)
    }

    fn output_names(&self) -> Option<Vec<&'static str>> {
        self.contract().map(|contract| contract.outputs.iter().map(|port| port.name).collect())
    }
}

/// Resolves everything in `document`.
pub(super) fn resolve(reader: &mut Reader<'_>, document: &Document, kinds: &Kinds) -> Draft {
    let nodes: Vec<DraftNode> = document.nodes.iter().map(|node| draft_node(reader, node, kinds)).collect();
    let mut draft = Draft { nodes, links: Vec::new(), links_whole: true };
    let mut index = HashMap::new();
    for (position, node) in document.nodes.iter().enumerate() {
        if let Some(id) = node.id.as_deref() {
            draft.nodes[position].can_be_named = *index.entry(id).or_insert(position) == position;
        }
    }
    for (to, node) in document.nodes.iter().enumerate() {
        let whole = match &node.wires {
            Wires::Read(wires) => connect(reader, &mut draft, &index, to, wires),
            Wires::Faulty => false,
        };
        draft.nodes[to].inputs_whole = whole;
        draft.links_whole &= whole;
    }
    draft
}

fn draft_node(reader: &mut Reader<'_>, node: &document::Node, kinds: &Kinds) -> DraftNode {
    let kind = node.kind.as_deref().and_then(|name| find_kind(reader, name, node, kinds));
    let signed = kind.as_ref().and_then(|kind| sign(reader, node, kind.as_ref()));
    let name = match (&node.id, &node.kind) {
        (Some(id), _) => id.clone(),
        (None, Some(kind)) => kind.clone(),
        (None, None) => node.path.to_string(),
    };
    DraftNode { path: node.path.clone(), name, can_be_named: false, kind, signed, inputs_whole: true }
}

fn find_kind(
    reader: &mut Reader<'_>,
    name: &str,
    node: &document::Node,
    kinds: &Kinds,
) -> Option<Arc<dyn NodeKind>> {
    if let Some(kind) = kinds.find(name) {
        return Some(Arc::clone(kind));
    }
    let path = node.path.key("kind");
    reader.report(match kinds.find_absent(name) {
        Some(absent) => {
            let message = format!(
                "this build has no kind \"{name}\": it was made without the feature \"{}\"",
                absent.feature
            );
            Diagnostic::error("unknown-kind", path, message)
                .help(format!("build with `cargo build --release --features {}`", absent.feature))
        }
        None => {
            let known = kinds.names().chain(kinds.absent.iter().map(|kind| kind.name));
            Diagnostic::error("unknown-kind", path, format!("no kind is called \"{name}\"")).help(
                kinds.other_name(name).map_or_else(
                    || suggest::help(name, known, "`framegate kinds` lists them all"),
                    str::to_owned,
                ),
            )
        }
    });
    None
}

/// Reads the settings by the kind's tables and asks the kind for its contract.
pub(super) fn sign(reader: &mut Reader<'_>, node: &document::Node, kind: &dyn NodeKind) -> Option<Signed> {
    let about = kind.about();
    let of = format!("\"{}\"", about.name);
    let with_path = node.path.key("with");
    let given = reader.mapping(node.entries.get("with"), "with", &with_path);
    let with = given.and_then(|given| {
        let table =
            Table { settings: about.with, others: &[], open: about.open, of: &of, elsewhere: &nowhere };
        reader.table(&table, given, &with_path)
    });
    let beside = document::beside(about);
    let elsewhere = |key: &str| misplaced_key(key, about);
    let of = "a node of this kind";
    let table = Table { settings: &beside, others: &NODE_KEYS, open: false, of, elsewhere: &elsewhere };
    let beside = reader.table(&table, &node.entries, &node.path);
    let (mut settings, beside) = (with?, beside?);
    // What is the graph's own is no setting of the kind.
    let is_own = |name: &str| about.beside.iter().any(|setting| setting.name == name);
    for (name, value) in beside.iter().filter(|(name, _)| is_own(name)) {
        settings.set(name, value.clone());
    }
    let priority = beside.iter().find(|(name, _)| *name == "priority" && !is_own(name));
    let priority = match priority {
        Some((_, Value::Integer(priority))) => u8::try_from(*priority).ok(),
        _ => None,
    };
    settings.raw = given.cloned().unwrap_or_default();
    match kind.contract(&settings) {
        Ok(contract) => Some(Signed { settings, contract, priority }),
        Err(findings) => {
            // What a missing variable left open is no fault of the settings.
            let missing = |finding: &Diagnostic| reader.origins.missing.contains(&finding.path);
            let findings: Vec<Diagnostic> = findings
                .into_iter()
                .map(|finding| finding.under(&node.path))
                .filter(|f| !missing(f))
                .collect();
            findings.into_iter().for_each(|finding| reader.report(finding));
            None
        }
    }
}

/// Where a key belongs that is written beside `kind:`.
fn misplaced_key(key: &str, about: &About) -> Option<String> {
    let is_one_of = |settings: &[Setting]| settings.iter().any(|setting| setting.name == key);
    if is_one_of(about.with) {
        return Some(format!(
            "it is a setting of \"{0}\": put it below `with:`, as in `with: {{ {key}: … }}`",
            about.name
        ));
    }
    if is_one_of(inputs::LINK) {
        return Some(format!(
            "it belongs to one input: `inputs: {{ frames: {{ from: …, {key}: … }} }}`; `framegate kinds {}` lists its inputs",
            about.name
        ));
    }
    (key == "priority").then(|| "only outputs, such as `relay` and `write`, have a priority".to_owned())
}

/// Resolves the inputs of node `to`. Whether all of them could be.
fn connect(
    reader: &mut Reader<'_>,
    draft: &mut Draft,
    index: &HashMap<&str, usize>,
    to: usize,
    wires: &[Wire],
) -> bool {
    if draft.nodes[to].role() == Some(Role::Source) && !wires.is_empty() {
        let message = format!("\"{}\" is a source and takes no inputs", draft.nodes[to].name);
        reader.report(
            Diagnostic::error("role-misuse", draft.nodes[to].path.key("inputs"), message)
                .at_key()
                .help("remove `inputs`, or use a kind that takes them; `framegate kinds` tells which do"),
        );
        return false;
    }
    let mut whole = true;
    for wire in wires {
        match link(reader, draft, index, to, wire) {
            Some(link) => draft.links.push(link),
            None => whole = false,
        }
    }
    whole
}

fn link(
    reader: &mut Reader<'_>,
    draft: &Draft,
    index: &HashMap<&str, usize>,
    to: usize,
    wire: &Wire,
) -> Option<DraftLink> {
    let to_port = input_port(reader, &draft.nodes[to], wire);
    let (name, port) = address::split(&wire.from);
    let Some(&from) = index.get(name) else {
        if !reader.origins.is_unread(name) {
            reader.report(unknown_node(name, draft, wire));
        }
        return None;
    };
    if draft.nodes[from].role() == Some(Role::Sink) {
        let message = format!("\"{name}\" is a sink and gives nothing");
        reader.report(
            Diagnostic::error("role-misuse", wire.from_path.clone(), message)
                .help(format!("take from what feeds \"{name}\" instead: a node may feed many others")),
        );
        return None;
    }
    let taken = to_port.as_ref().ok().and_then(|port| *port);
    let taken = taken.and_then(|port| draft.nodes[to].input(port)).map(|port| port.name);
    let from_port = output_port(reader, &draft.nodes[from], port, taken, wire);
    match (from_port, to_port) {
        (Ok(from_port), Ok(to_port)) => Some(DraftLink {
            from,
            from_port,
            to,
            to_port,
            options: wire.options.clone(),
            path: wire.path.clone(),
        }),
        _ => None,
    }
}

/// The input port that `wire` means; `Ok(None)` while the contract is unknown.
fn input_port(reader: &mut Reader<'_>, node: &DraftNode, wire: &Wire) -> Result<Option<usize>, Reported> {
    let Some(contract) = node.contract() else { return Ok(None) };
    let names: Vec<&'static str> = contract.inputs.iter().map(|port| port.name).collect();
    let Some(written) = &wire.port else { return short_input(reader, node, contract, wire) };
    match address::port_index(written, &names) {
        Some(port) => Ok(Some(port)),
        None => {
            let message = format!("\"{}\" has no input called \"{written}\"", node.name);
            let finding = Diagnostic::error("unknown-port", wire.path.clone(), message).at_key();
            reader.report(finding.help(address::port_help(written, &names, &node.name)));
            Err(Reported)
        }
    }
}

/// `inputs: a` means the only input, or the only one that must be fed.
fn short_input(
    reader: &mut Reader<'_>,
    node: &DraftNode,
    contract: &Contract,
    wire: &Wire,
) -> Result<Option<usize>, Reported> {
    let inputs = &contract.inputs;
    let mut required = inputs.iter().enumerate().filter(|(_, port)| port.required);
    match (inputs.len(), required.next(), required.next()) {
        (1, ..) => Ok(Some(0)),
        (_, Some((port, _)), None) => Ok(Some(port)),
        (0, ..) => {
            let message = format!("\"{}\" takes no inputs", node.name);
            reader.report(
                Diagnostic::error("unknown-port", wire.path.clone(), message).help("remove `inputs`"),
            );
            Err(Reported)
        }
        _ => {
            let names = suggest::list(inputs.iter().map(|port| port.name));
            let message = format!("\"{}\" has several inputs: {names}", node.name);
            let finding = Diagnostic::error("ambiguous-port", wire.path.clone(), message);
            reader.report(
                finding.help(format!("say which: `inputs: {{ {}: {} }}`", inputs[0].name, wire.from)),
            );
            Err(Reported)
        }
    }
}

/// The output port that `wire` means: the one it names, the only one, or the one called like the
/// input it feeds.
fn output_port(
    reader: &mut Reader<'_>,
    node: &DraftNode,
    written: Option<&str>,
    input: Option<&'static str>,
    wire: &Wire,
) -> Result<Option<usize>, Reported> {
    let Some(names) = node.output_names() else { return Ok(None) };
    let finding = match (written, &names[..]) {
        (Some(written), _) => match address::port_index(written, &names) {
            Some(port) => return Ok(Some(port)),
            None => {
                let message = format!("\"{}\" has no output called \"{written}\"", node.name);
                Diagnostic::error("unknown-port", wire.from_path.clone(), message)
                    .help(address::port_help(written, &names, &node.name))
            }
        },
        (None, [_]) => return Ok(Some(0)),
        (None, many) => {
            let Some(input) = input else { return Ok(None) };
            match address::port_index(input, many) {
                Some(port) => return Ok(Some(port)),
                None => {
                    let all = suggest::list(many.iter().copied());
                    let message = format!("\"{}\" has several outputs: {all}", node.name);
                    Diagnostic::error("ambiguous-port", wire.from_path.clone(), message).help(format!(
                        "say which: `{}.{}`",
                        node.name,
                        many.first().unwrap_or(&"frames")
                    ))
                }
            }
        }
    };
    reader.report(finding);
    Err(Reported)
}

fn unknown_node(name: &str, draft: &Draft, wire: &Wire) -> Diagnostic {
    let givers = draft.nodes.iter().filter(|node| node.role() != Some(Role::Sink) && node.can_be_named);
    let names: Vec<&str> = givers.map(|node| node.name.as_str()).collect();
    let all = match names.is_empty() {
        true => "there is no node that gives anything yet: add a source".to_owned(),
        false => format!("there are {}", suggest::list(names.iter().copied())),
    };
    Diagnostic::error("unknown-node", wire.from_path.clone(), format!("no node is called \"{name}\""))
        .help(suggest::help(name, names, &all))
}
