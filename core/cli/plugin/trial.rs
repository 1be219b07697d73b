//! A small graph around one plugin, made for an author's tool and run by the ordinary runner: what a
//! tool measures or shows is what a graph would do.
//!
//! Owns the arguments that such tools share, the graph's text and its findings. Leaves to each tool
//! which nodes hang on the plugin.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value as Json, json};

use super::build;
use crate::cli::{findings, log, look, misused, signals, status};
use crate::diagnostic::Diagnostic;
use crate::graph::{self, Override, Plan, Text};
use crate::node::Kinds;
use crate::plugin::registry::is_address;
use crate::plugin::{bundled, unknown};
use crate::run::{self, Ended, Report};

/// The plugin's node, for links and messages.
pub const PLUGIN: &str = "plugin";
/// Where its frames come from.
pub const SOURCE: &str = "source";

/// What finds something for the plugin to work on.
const FINDER: &str = "finder";

/// Where findings are told to be.
const NAME: &str = "the graph made for this";

/// What is tried, and on which pictures.
#[derive(clap::Args)]
pub struct Subject {
    /// A bundled plugin's name, a component's file, a project's folder, or oci://REGISTRY/NAME@DIGEST
    pub plugin: String,
    /// A setting of the plugin: `threshold=30`, `zone.width=0.5`; may be given again
    #[arg(long = "with", value_name = "KEY=VALUE")]
    pub with: Vec<String>,
    /// A limit of the plugin, as under `limits:`: `memory=128MiB`; may be given again
    #[arg(long = "limit", value_name = "KEY=VALUE")]
    pub limits: Vec<String>,
    /// The clip it is tried on, as Y4M; a test pattern if left out
    #[arg(long, value_name = "CLIP.Y4M")]
    pub input: Option<PathBuf>,
    /// How large the test pattern is
    #[arg(long, value_name = "WxH", default_value = "1280x720", conflicts_with = "input")]
    pub size: String,
    /// A plugin to go before it, for one that works on what others find: `motion`
    #[arg(long, value_name = "PLUGIN")]
    pub after: Option<String>,
}

impl Subject {
    /// Puts a project's component in the place of its folder, built where the sources have changed. What
    /// can be refused without it is refused first.
    ///
    /// # Errors
    /// The status to end with; why has been told.
    pub fn build(&mut self) -> Result<(), ExitCode> {
        Trial::offline(self, 1).map_err(|reason| misused(&reason))?;
        self.plugin = build::subject(&self.plugin)?;
        Ok(())
    }
}

/// A graph in the making.
pub struct Trial {
    nodes: Vec<Json>,
    /// What the user wrote goes in this way rather than into the text: it is read as the same words
    /// are on the command line of `run`, and no path can be taken for a variable.
    overrides: Vec<Override>,
    clock: &'static str,
}

impl Trial {
    /// The subject's source and the plugin, its frames at `plugin.frames`.
    ///
    /// # Errors
    /// A sentence about an argument that is none.
    pub fn offline(subject: &Subject, frames: u64) -> Result<Trial, String> {
        let mut trial = Trial { nodes: Vec::new(), overrides: Vec::new(), clock: "offline" };
        trial.source(subject, Some(frames), json!({ "pace": "fast" }))?;
        trial.plugin(subject, json!({ "on_error": "stop" }))?;
        Ok(trial)
    }

    /// As [`Trial::offline`], without an end and in real time; what goes wrong shows and is survived,
    /// and a component that changes takes over.
    ///
    /// # Errors
    /// As [`Trial::offline`].
    pub fn live(subject: &Subject) -> Result<Trial, String> {
        let mut trial = Trial { nodes: Vec::new(), overrides: Vec::new(), clock: "live" };
        trial.source(subject, None, json!({ "loop": true }))?;
        let changeable = bundled::find(&subject.plugin).is_none() && !is_address(&subject.plugin);
        trial.plugin(subject, json!({ "watch": changeable }))?;
        Ok(trial)
    }

    fn source(&mut self, subject: &Subject, frames: Option<u64>, file: Json) -> Result<(), String> {
        match &subject.input {
            Some(clip) => {
                self.node(json!({ "id": SOURCE, "kind": "file", "with": file }));
                self.set(SOURCE, &format!("path={}", absolute(clip)?))?;
            }
            None => {
                let count = frames.map(|count| json!({ "count": count })).unwrap_or(json!({}));
                self.node(json!({ "id": SOURCE, "kind": "test_pattern", "with": count }));
                self.set(SOURCE, &format!("size={}", subject.size))?;
            }
        }
        Ok(())
    }

    fn plugin(&mut self, subject: &Subject, more: Json) -> Result<(), String> {
        let input = match &subject.after {
            Some(finder) => {
                let mut node = json!({ "id": FINDER, "kind": "plugin", "inputs": { "frames": SOURCE } });
                // What it does when it fails is the trial's to say, as for the plugin itself.
                if let Some(on_error) = more.get("on_error") {
                    merge(&mut node, json!({ "on_error": on_error }));
                }
                self.node(node);
                let known = named(finder).map_err(|reason| format!("`--after {finder}`: {reason}"))?;
                self.set(FINDER, &format!("plugin={known}"))?;
                FINDER
            }
            None => SOURCE,
        };
        let mut node = json!({ "id": PLUGIN, "kind": "plugin", "with": {}, "inputs": { "frames": input } });
        merge(&mut node, more);
        self.node(node);
        self.set(PLUGIN, &format!("plugin={}", named(&subject.plugin)?))?;
        subject.with.iter().try_for_each(|setting| self.set(PLUGIN, setting))?;
        subject.limits.iter().try_for_each(|limit| self.set(PLUGIN, &format!("limits.{limit}")))
    }

    /// One more node, as it would stand in a graph file.
    pub fn node(&mut self, node: Json) {
        self.nodes.push(node);
    }

    /// One more setting: `path=/tmp/out.y4m`.
    ///
    /// # Errors
    /// When it is not of the form `key=value`.
    pub fn set(&mut self, node: &str, setting: &str) -> Result<(), String> {
        let wrong = |_| {
            let written = setting.strip_prefix("limits.").unwrap_or(setting);
            format!("\"{written}\" is not of the form key=value, such as threshold=30")
        };
        self.overrides.push(format!("{node}.{setting}").parse().map_err(wrong)?);
        Ok(())
    }

    /// The graph, and what it is told on top of it.
    pub fn graph(self) -> (Text, Vec<Override>) {
        let document = json!({ "version": 1, "clock": self.clock, "nodes": self.nodes });
        let text = Text { name: NAME.to_owned(), folder: PathBuf::new(), text: format!("{document:#}") };
        (text, self.overrides)
    }

    /// Checks the graph. Findings are told on standard error.
    pub fn check(self, kinds: &Kinds) -> Checked {
        let (text, overrides) = self.graph();
        let preparing = status::preparing(status::Line::of(false, log::Form::Text));
        let checked = graph::load(&text, &overrides, kinds, &|_| None);
        drop(preparing);
        tell(&checked.findings, &text);
        checked.plan.map_or(Checked::Faulty, Checked::Sound)
    }
}

/// What came of a check.
pub enum Checked {
    Sound(Plan),
    /// It has been told why.
    Faulty,
}

/// How a graph went: its end and its counts.
pub struct Run {
    pub ended: Ended,
    pub report: Report,
}

impl Run {
    /// What `node` counted as `name`.
    pub fn count(&self, node: &str, name: &str) -> u64 {
        let counters = self.report.nodes.iter().filter(|one| one.id == node).flat_map(|one| &one.counters);
        counters.filter(|(counter, _)| counter == name).map(|(_, count)| *count).sum()
    }

    /// Tells of every node that gave up.
    ///
    /// # Errors
    /// When there was one.
    pub fn tell_failures(&self) -> Result<(), Failed> {
        for failure in &self.ended.failures {
            eprintln!("framegate: \"{}\" failed: {}", failure.node, as_written(&failure.message));
        }
        match self.ended.failures.is_empty() && self.ended.how == run::How::InOrder {
            true => Ok(()),
            false => Err(Failed),
        }
    }
}

/// It went wrong, and that has been told.
pub struct Failed;

/// Runs a plan to its end, with progress on the terminal.
///
/// # Errors
/// A sentence that says why it did not start.
pub fn run(plan: Plan, workers: NonZeroUsize) -> Result<Run, String> {
    let line = status::Line::of(false, log::Form::Text);
    let signals = signals::listen().map_err(|error| error.to_string())?;
    let built = run::build(plan, workers).map_err(|error| as_written(&error.to_string()))?;
    let running = built.start().map_err(|error| as_written(&error.to_string()))?;
    signals.stop(running.control());
    let watch = running.watch();
    let status = status::running(line, watch.clone());
    let ended = running.wait();
    drop(status);
    Ok(Run { ended, report: watch.report() })
}

/// How an override of ours was written by the user, and how advice about a graph is followed.
const AS_WRITTEN: &[(&str, &str)] = &[
    ("`--set plugin.limits.", "`--limit "),
    ("`--set plugin.plugin=", "`"),
    ("`--set plugin.", "`--with "),
    ("`--set finder.plugin=", "`--after "),
    ("`--set source.path=", "`--input "),
    ("`--set source.size=", "`--size "),
    ("`--set output.path=", "`--output "),
    ("`limits: { ", "`--limit "),
    (": … }`", "=…`"),
];

pub fn as_written(text: &str) -> String {
    AS_WRITTEN.iter().fold(text.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs))
}

/// A finding without its place: the text it stands in was written by us.
pub fn in_the_words_of_the_user(finding: &Diagnostic) -> Diagnostic {
    Diagnostic { place: None, message: as_written(&finding.message), ..finding.clone() }
}

fn tell(findings: &[Diagnostic], text: &Text) {
    let errors: Vec<Diagnostic> =
        findings.iter().filter(|finding| finding.is_error()).map(in_the_words_of_the_user).collect();
    // Standard error that nobody reads is no reason to go on differently.
    let _ = io::stderr().write_all(findings::text(&errors, text, look(&io::stderr())).as_bytes());
}

/// A plugin as it is called from everywhere.
///
/// # Errors
/// When it is none of the bundled ones and cannot be meant for a file.
fn named(plugin: &str) -> Result<String, String> {
    if let Some(unknown) = unknown(plugin).filter(|_| !plugin.ends_with(".wasm")) {
        return Err(unknown.to_string());
    }
    match bundled::find(plugin).is_some() || is_address(plugin) {
        true => Ok(plugin.to_owned()),
        false => absolute(Path::new(plugin)),
    }
}

fn merge(node: &mut Json, more: Json) {
    if let (Json::Object(node), Json::Object(more)) = (node, more) {
        let more: Map<String, Json> = more;
        node.extend(more);
    }
}

/// A path that means the same from everywhere, as text.
///
/// # Errors
/// When it is no text.
pub fn absolute(path: &Path) -> Result<String, String> {
    let full = std::path::absolute(path).map_err(|error| format!("\"{}\": {error}", path.display()))?;
    let text = full.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("\"{}\" is not UTF-8, and a graph cannot name it; rename it", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_the_trial_fails_with_either_plugin_and_live_it_survives_both() {
        let subject = Subject {
            plugin: "overlay".to_owned(),
            with: vec![],
            limits: vec![],
            input: None,
            size: "64x48".to_owned(),
            after: Some("motion".to_owned()),
        };
        let stops = |trial: Result<Trial, String>| {
            trial.unwrap().nodes.iter().filter(|node| node["on_error"] == "stop").count()
        };
        assert_eq!(stops(Trial::offline(&subject, 3)), 2);
        assert_eq!(stops(Trial::live(&subject)), 0);
    }
}
