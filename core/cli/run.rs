//! `framegate run`: from a graph file to a graph that runs, is served and ends well.
//!
//! Owns the order of a run: check, build, open the network, start, watch, stop. Everything that can
//! be refused is refused before any frame moves. Leaves the lines on the terminal to `status`,
//! signals to `signals`, and a graph that changes as it runs to `reload`.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::reload::{Origin, Reloader};
use super::status::{self, Line};
use super::{Overrides, findings, log, look, misused, read_graph, signals, variable};
use crate::catalog;
use crate::diagnostic::{Diagnostic, Severity};
use crate::graph::{self, Checked, Plan, Server, Text};
use crate::node::{Kinds, NodeKind, Role, Value};
use crate::relay::{Hub, Network};
use crate::run::{self, Built, Ended, How, Trace};
use crate::serve;

/// What runs without a GRAPH.
const DEMO: &str = include_str!("../../graphs/demo.yaml");

/// Checks a graph and runs it.
///
/// Without a GRAPH, runs the built-in demo: a test pattern through the motion and overlay plugins
/// to a page in your browser.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate run
  framegate run graphs/file.yaml --set camera.path=clip.y4m
  ffmpeg -i clip.mp4 -f yuv4mpegpipe - | framegate run graphs/file.yaml
  framegate run door.yaml --trace turns.json
  framegate run door.yaml --set server.listen=0.0.0.0:8080 -q --log-format json

A graph file that changes is taken while it runs, and so it is with SIGHUP or a POST to /api/graph.
What has not changed goes on without a gap, and a graph with errors changes nothing.

Ctrl-C stops in order, within two seconds, with every file finished; a second one ends at once.

Exit status: 0 it ended well, 1 the graph has errors or a node failed, 2 the command was misused.")]
pub struct Args {
    /// The graph file.
    graph: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// No status line, and only warnings and errors in the log
    #[arg(short, long)]
    quiet: bool,
    /// How the log is written, to standard error
    #[arg(long, value_enum, default_value_t = log::Form::Text)]
    log_format: log::Form,
    /// How many nodes may compute at once; as many as there are cores when left out
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Write what every thread did when, for chrome://tracing or ui.perfetto.dev
    #[arg(long, value_name = "FILE.json")]
    trace: Option<PathBuf>,
}

pub fn main(args: Args) -> ExitCode {
    log::start(args.log_format, args.quiet);
    let text = match args.graph.as_deref().map_or_else(|| Ok(demo()), read_graph) {
        Ok(text) => text,
        Err(message) => return misused(&message),
    };
    run_and_sum_up(&args, &text, Vec::new(), Words { finding: Diagnostic::clone, line: str::to_owned })
}

/// How what is told of a graph is put to the user.
#[derive(Clone, Copy)]
pub struct Words {
    pub finding: fn(&Diagnostic) -> Diagnostic,
    pub line: log::Words,
}

/// Kinds that only one command's graphs have.
type More = Vec<Arc<dyn NodeKind>>;

/// Runs a graph that a command has made, of kinds of its own too, as if it stood in a file; `words` has what
/// is told of it name what was typed.
pub fn made(text: &Text, set: Vec<graph::Override>, more: More, words: Words) -> ExitCode {
    let overrides = Overrides { set };
    let args = Args {
        graph: None,
        overrides,
        quiet: false,
        log_format: log::Form::Text,
        workers: None,
        trace: None,
    };
    log::start_in(words.line, args.log_format, args.quiet);
    run_and_sum_up(&args, text, more, words)
}

fn run_and_sum_up(args: &Args, text: &Text, more: More, words: Words) -> ExitCode {
    match run_to_end(args, text, more, words) {
        Ok(ended) => sum_up(&ended, args.quiet, words),
        Err(Refused::WithFindings) => ExitCode::FAILURE,
        Err(Refused::Because(reason)) => {
            eprintln!("framegate: {}", (words.line)(&reason));
            ExitCode::FAILURE
        }
    }
}

/// Why a graph did not run.
enum Refused {
    /// They have been told.
    WithFindings,
    Because(String),
}

fn run_to_end(args: &Args, text: &Text, more: More, words: Words) -> Result<Ended, Refused> {
    let because = |error: &dyn std::fmt::Display| Refused::Because(error.to_string());
    let signals = signals::listen().map_err(|error| because(&error))?;
    let line = Line::of(args.quiet, args.log_format);
    let hub = Hub::new();
    let mut kinds = catalog::kinds_serving(&hub);
    kinds.present.extend(more);
    let mut checked = check(args, text, line, &kinds, words);
    let plan = checked.plan.take().ok_or(Refused::WithFindings)?;
    let reloader = Reloader::new(origin(args, text), hub.clone(), &checked);
    let preparing = status::preparing(line);
    let built = run::build(plan, args.workers.unwrap_or_else(run::cores)).map_err(|error| because(&error))?;
    drop(preparing);
    if let Some(file) = &args.trace {
        built.trace(trace(file).map_err(Refused::Because)?);
    }
    let server = open(&hub, &built, &reloader).map_err(|error| because(&error))?;
    let running = built.start().map_err(|error| because(&error))?;
    reloader.begin(running.control(), running.watch());
    signals.stop_or_reload(running.control(), reloader);
    announce(&running.watch().plan(), server.as_ref(), &hub);
    let status = status::running(line, running.watch());
    let ended = running.wait();
    drop(status);
    // Viewers, and answers under way, are told before the process is gone.
    hub.shutdown();
    drop(server);
    Ok(ended)
}

fn check(args: &Args, text: &Text, line: Line, kinds: &Kinds, words: Words) -> Checked {
    let preparing = status::preparing(line);
    let checked = graph::load(text, &args.overrides.set, kinds, &variable);
    drop(preparing);
    let findings: Vec<Diagnostic> = checked.findings.iter().map(words.finding).collect();
    tell(text, &findings, args.quiet);
    checked
}

fn origin(args: &Args, text: &Text) -> Origin {
    Origin {
        file: args.graph.clone(),
        text: text.clone(),
        set: args.overrides.set.clone(),
        quiet: args.quiet,
    }
}

fn demo() -> Text {
    Text { name: "demo.yaml (built in)".to_owned(), folder: PathBuf::new(), text: DEMO.to_owned() }
}

/// Findings go where the log goes; notes are for `check`, and warnings for whoever did not ask for quiet.
pub fn tell(text: &Text, findings: &[Diagnostic], quiet: bool) {
    let least = if quiet { Severity::Error } else { Severity::Warning };
    let told: Vec<Diagnostic> =
        findings.iter().filter(|finding| finding.severity >= least).cloned().collect();
    // A log that nobody reads any more is no reason not to run.
    let _ = io::stderr().write_all(findings::text(&told, text, look(&io::stderr())).as_bytes());
}

/// # Errors
/// A sentence that names the file.
fn trace(file: &Path) -> Result<Trace, String> {
    let begun = File::create(file).and_then(|opened| Trace::to(BufWriter::new(opened)));
    begun.map_err(|error| format!("the trace cannot be written to {}: {error}", file.display()))
}

/// Opens the relay's port and the page where the graph has something to watch, to publish or to be
/// published to, and the page wherever it is asked for.
fn open(hub: &Hub, built: &Built, reloader: &Reloader) -> Result<Option<serve::Server>, String> {
    let watch = built.watch();
    if hub.is_used() {
        hub.open(&network(&watch.plan(), hub)).map_err(|error| error.to_string())?;
    } else if !watch.plan().server.asked_for {
        return Ok(None);
    }
    let reloader = reloader.clone();
    let reload = move |sent: Option<String>| match sent {
        Some(text) => reloader.take(text),
        None => reloader.read_again(),
    };
    serve::start(hub.clone(), watch, Arc::new(reload)).map(Some).map_err(|error| error.to_string())
}

/// Says that the graph runs, and where to watch. From here on a signal stops it in order.
fn announce(plan: &Plan, server: Option<&serve::Server>, hub: &Hub) {
    tracing::info!("\"{}\" runs", plan.name);
    let Some(server) = server else { return };
    let url = server.url();
    let told = format!("watch at {url}\n");
    match writes_to_output(plan) {
        // The output is a stream of its own then, and a line in it would be damage.
        true => eprint!("{told}"),
        // Whatever the log does: it is what the command is for.
        false => super::print(&told),
    }
    for stream in hub.streams() {
        tracing::info!("\"{stream}\" is served to WHEP players at {url}{stream}/whep");
    }
    for entrance in hub.entrances() {
        tracing::info!("\"{entrance}\" is published to by WHIP at {url}{entrance}/whip");
    }
    let warning = exposure(server.address(), !plan.server.tokens.is_empty(), plan.server.tls.is_some());
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
}

/// What somebody who listens for others should know.
fn exposure(address: SocketAddr, has_tokens: bool, has_tls: bool) -> Option<String> {
    if address.ip().is_loopback() {
        return None;
    }
    match (has_tokens, has_tls) {
        (true, true) => None,
        (false, false) => Some(format!(
            "anybody who can reach {address} can watch, and the page is not encrypted: set server.tokens \
             and server.tls, or keep server.listen at 127.0.0.1"
        )),
        (false, true) => Some(format!(
            "anybody who can reach {address} can watch: set server.tokens, or keep server.listen at 127.0.0.1"
        )),
        (true, false) => Some(format!(
            "tokens travel to {address} for anybody on the way to read: set server.tls, or listen at \
             127.0.0.1 behind a proxy that encrypts, with server.additional_hosts"
        )),
    }
}

/// Whether a sink of the graph writes to standard output.
fn writes_to_output(plan: &Plan) -> bool {
    let output = Value::Path(PathBuf::from("-"));
    plan.nodes
        .iter()
        .any(|node| node.role() == Role::Sink && node.settings.iter().any(|(_, value)| *value == output))
}

fn network(plan: &Plan, hub: &Hub) -> Network {
    // Who only publishes elsewhere says where it can be reached: one fixed port would be for one such graph.
    let needs_port = plan.server.names_udp_port || hub.is_asked();
    Network {
        listen: media_address(&plan.server),
        udp_port: if needs_port { plan.server.udp_port } else { 0 },
        tcp: plan.server.tcp,
        additional_hosts: plan.server.additional_hosts.clone(),
        interfaces: plan.server.interfaces.clone(),
    }
}

/// Media comes in where the page is served. One that is served to this machine and still names how others
/// reach it stands behind a proxy, which media goes past.
fn media_address(server: &Server) -> IpAddr {
    let is_reached = !server.additional_hosts.is_empty() || !server.interfaces.is_empty();
    match server.listen.ip() {
        ip if ip.is_loopback() && is_reached => Ipv4Addr::UNSPECIFIED.into(),
        ip => ip,
    }
}

fn sum_up(ended: &Ended, quiet: bool, words: Words) -> ExitCode {
    for failure in &ended.failures {
        eprintln!("framegate: \"{}\" failed: {}", failure.node, (words.line)(&failure.message));
    }
    match (ended.how, ended.failures.is_empty()) {
        (How::InOrder, true) => {
            if !quiet && io::stderr().is_terminal() {
                eprintln!("ended");
            }
            ExitCode::SUCCESS
        }
        (How::Aborted, _) | (How::InOrder, false) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_for_others_is_warned_of_what_it_lacks_by_name() {
        let warned = |listen: &str, tokens, tls| exposure(listen.parse().unwrap(), tokens, tls);
        let bare = warned("0.0.0.0:80", false, false).unwrap();
        assert!(bare.contains("server.tokens") && bare.contains("server.tls"), "{bare}");
        assert!(warned("0.0.0.0:80", false, true).unwrap().contains("server.tokens"));
        assert!(warned("[::]:80", true, false).unwrap().contains("server.tls"));
        assert_eq!(warned("192.0.2.1:80", true, true), None);
        assert_eq!(warned("[::1]:80", false, false), None);
    }

    #[test]
    fn behind_a_proxy_media_comes_in_where_others_reach_the_machine() {
        let media = |server: &str| {
            let text = format!(
                "version: 1\nserver: {server}\nnodes:\n  - {{ id: camera, kind: test_pattern }}\n  \
                 - {{ id: end, kind: collect, inputs: camera }}\n"
            );
            let text = Text { name: "test.yaml".to_owned(), folder: PathBuf::new(), text };
            let checked = graph::load(&text, &[], &catalog::kinds(), &|_| None);
            media_address(&checked.plan.expect("a graph").server).to_string()
        };
        assert_eq!(media("{ listen: 127.0.0.1:80 }"), "127.0.0.1");
        assert_eq!(media("{ listen: 127.0.0.1:80, additional_hosts: [192.0.2.7] }"), "0.0.0.0");
        assert_eq!(media("{ listen: 192.0.2.1:80, additional_hosts: [192.0.2.7] }"), "192.0.2.1");
    }
}
