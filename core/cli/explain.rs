//! `framegate explain`: what a finding's code means, with a graph that has it and one that has not.
//!
//! Owns the list of codes. The stories stand in `stories/`, one file each, and are tried by a test:
//! what is shown as refused gives exactly that code.

use std::process::ExitCode;

use super::{misused, print};
use crate::graph;

/// Every code that `check` can give, and its story.
pub const STORIES: &[(&str, &str)] = &[
    ("ambiguous-port", include_str!("stories/ambiguous-port.md")),
    ("bad-condition", include_str!("stories/bad-condition.md")),
    ("bad-file", include_str!("stories/bad-file.md")),
    ("bad-id", include_str!("stories/bad-id.md")),
    ("bad-model", include_str!("stories/bad-model.md")),
    ("bad-name", include_str!("stories/bad-name.md")),
    ("bad-plugin", include_str!("stories/bad-plugin.md")),
    ("bad-reference", include_str!("stories/bad-reference.md")),
    ("bad-registry", include_str!("stories/bad-registry.md")),
    ("bad-rule", include_str!("stories/bad-rule.md")),
    ("bad-token", include_str!("stories/bad-token.md")),
    ("bad-unit", include_str!("stories/bad-unit.md")),
    ("bad-url", include_str!("stories/bad-url.md")),
    ("bad-variable", include_str!("stories/bad-variable.md")),
    ("conversion", include_str!("stories/conversion.md")),
    ("cycle", include_str!("stories/cycle.md")),
    ("duplicate-id", include_str!("stories/duplicate-id.md")),
    ("duplicate-key", include_str!("stories/duplicate-key.md")),
    ("duplicate-model", include_str!("stories/duplicate-model.md")),
    ("empty-file", include_str!("stories/empty-file.md")),
    ("file-exists", include_str!("stories/file-exists.md")),
    ("file-not-found", include_str!("stories/file-not-found.md")),
    ("formats-disagree", include_str!("stories/formats-disagree.md")),
    ("include-cycle", include_str!("stories/include-cycle.md")),
    ("misplaced-option", include_str!("stories/misplaced-option.md")),
    ("missing-key", include_str!("stories/missing-key.md")),
    ("missing-parameter", include_str!("stories/missing-parameter.md")),
    ("missing-variable", include_str!("stories/missing-variable.md")),
    ("not-granted", include_str!("stories/not-granted.md")),
    ("not-imported", include_str!("stories/not-imported.md")),
    ("not-wasm-artifact", include_str!("stories/not-wasm-artifact.md")),
    ("out-of-range", include_str!("stories/out-of-range.md")),
    ("plugin-setting", include_str!("stories/plugin-setting.md")),
    ("plugin-too-large", include_str!("stories/plugin-too-large.md")),
    ("privacy", include_str!("stories/privacy.md")),
    ("registry-denied", include_str!("stories/registry-denied.md")),
    ("registry-unreachable", include_str!("stories/registry-unreachable.md")),
    ("reserved-word", include_str!("stories/reserved-word.md")),
    ("role-misuse", include_str!("stories/role-misuse.md")),
    ("same-port", include_str!("stories/same-port.md")),
    ("same-target", include_str!("stories/same-target.md")),
    ("size-not-supported", include_str!("stories/size-not-supported.md")),
    ("sizes-disagree", include_str!("stories/sizes-disagree.md")),
    ("tampered-cache", include_str!("stories/tampered-cache.md")),
    ("too-deep", include_str!("stories/too-deep.md")),
    ("too-large", include_str!("stories/too-large.md")),
    ("undriven-node", include_str!("stories/undriven-node.md")),
    ("unfed-input", include_str!("stories/unfed-input.md")),
    ("unknown-digest", include_str!("stories/unknown-digest.md")),
    ("unknown-key", include_str!("stories/unknown-key.md")),
    ("unknown-kind", include_str!("stories/unknown-kind.md")),
    ("unknown-model", include_str!("stories/unknown-model.md")),
    ("unknown-node", include_str!("stories/unknown-node.md")),
    ("unknown-parameter", include_str!("stories/unknown-parameter.md")),
    ("unknown-plugin", include_str!("stories/unknown-plugin.md")),
    ("unknown-port", include_str!("stories/unknown-port.md")),
    ("unknown-version", include_str!("stories/unknown-version.md")),
    ("unpinned-plugin", include_str!("stories/unpinned-plugin.md")),
    ("unreadable-file", include_str!("stories/unreadable-file.md")),
    ("unused-model", include_str!("stories/unused-model.md")),
    ("unused-output", include_str!("stories/unused-output.md")),
    ("unwatchable", include_str!("stories/unwatchable.md")),
    ("wrong-digest", include_str!("stories/wrong-digest.md")),
    ("wrong-type", include_str!("stories/wrong-type.md")),
    ("yaml-syntax", include_str!("stories/yaml-syntax.md")),
];

/// Tells what a finding's code means, with an example that has the fault and one without it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  framegate explain
  framegate explain unfed-input")]
pub struct Args {
    /// The code, as `check` shows it in brackets.
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub fn main(args: Args) -> ExitCode {
    let Some(written) = args.code else {
        print(&list());
        return ExitCode::SUCCESS;
    };
    // `error[unfed-input]` is what the eye copies.
    let inner =
        written.split_once('[').map_or(written.as_str(), |(_, code)| code.trim_end_matches([']', ':']));
    match STORIES.iter().find(|(code, _)| *code == inner) {
        Some((code, story)) => {
            print(&format!("{code}\n\n{story}"));
            ExitCode::SUCCESS
        }
        None => {
            let near = graph::nearest(inner, STORIES.iter().map(|(code, _)| *code));
            let near = near.map(|near| format!("did you mean \"{near}\"? ")).unwrap_or_default();
            misused(&format!("no finding has the code \"{inner}\"; {near}`framegate explain` lists them all"))
        }
    }
}

/// Each code with the first sentence of its story.
fn list() -> String {
    let width = STORIES.iter().map(|(code, _)| code.len()).max().unwrap_or(0);
    let line = |(code, story): &(&str, &str)| {
        let first = story.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        let first =
            first.split_once(". ").or(first.split_once(": ")).map_or(first.as_str(), |(first, _)| first);
        format!("  {code:width$}  {}\n", first.trim_end_matches('.'))
    };
    STORIES.iter().map(line).collect()
}
