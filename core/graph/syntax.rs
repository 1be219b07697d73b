//! What the YAML parser could not read, told with the next step for the mistakes people make most.

use saphyr_parser::{ScanError, Span};

use super::places::{found_at, too_deep};
use crate::diagnostic::{Diagnostic, Path, Place};

pub(super) fn syntax(error: &ScanError, text: &str) -> Diagnostic {
    let mark = *error.marker();
    let span = Span::new(mark, mark);
    let message = error.info().strip_prefix("while ").unwrap_or(error.info());
    if message.contains("recursion limit") {
        return too_deep(span);
    }
    let lines = text.lines().enumerate().skip(mark.line().saturating_sub(1));
    if let Some((line, column)) = lines.filter_map(|(line, text)| Some((line, tab(text)?))).next()
        && message.contains("tab")
    {
        let place = Place { line: line + 1, column, end_line: line + 1, end_column: column + 1 };
        let finding = Diagnostic::error("yaml-syntax", Path::root(), "a tab stands in the indentation");
        let finding = finding.help("indent with spaces: YAML does not allow tabs");
        return Diagnostic { place: Some(place), ..finding };
    }
    let before = text.chars().nth(mark.index().saturating_sub(1));
    let variable = before == Some('$') || text.chars().nth(mark.index()) == Some('$');
    let help = match variable {
        true => Some("inside braces and brackets a variable goes in quotes: \"${NAME}\""),
        false => syntax_help(message),
    };
    let finding = found_at(span, "yaml-syntax", in_plain_words(message));
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// The parser's words for the two slips of indentation that people make most, in theirs.
fn in_plain_words(message: &str) -> &str {
    match message {
        "parsing a block collection, did not find expected '-' indicator" => {
            "this line stands where an entry of the list would begin, and begins with no `- `"
        }
        "parsing a block mapping, did not find expected key" => {
            "this line does not stand where the keys above it do"
        }
        other => other,
    }
}

/// The column of a tab in the indentation of a line.
fn tab(line: &str) -> Option<usize> {
    let indent = line.chars().take_while(|c| c.is_whitespace());
    indent.enumerate().find(|(_, c)| *c == '\t').map(|(at, _)| at + 1)
}

/// The next step for the mistakes people make most.
fn syntax_help(message: &str) -> Option<&'static str> {
    let knows = [
        (
            "mapping values are not allowed",
            "put the value in quotes if it holds `: `, or check the indentation of this line",
        ),
        (
            "invalid trailing content",
            "close the quotes or brackets that were opened, or put the whole value in quotes",
        ),
        ("block mapping", "check the indentation: the keys of one mapping stand in one column"),
        (
            "block collection",
            "check the indentation: the keys of one node stand in one column, and the next begins with `- `",
        ),
        ("simple key", "a key ends with a colon and a space"),
        ("unexpected end", "close the quotes or brackets that were opened"),
        ("flow", "close the brackets that were opened, with commas between the entries"),
        ("anchor", "an alias `*name` needs an anchor `&name` before it"),
    ];
    knows.iter().find(|(part, _)| message.contains(part)).map(|(_, help)| *help)
}
