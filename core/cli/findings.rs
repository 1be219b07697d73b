//! Findings as people and programs read them: text with the source line and a caret, or JSON.
//!
//! Owns the form. Leaves what is said to whoever found it, and where it goes to the commands.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthChar;

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::graph::Text;

/// Whether text goes to a terminal that shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Plain,
    Colour,
}

/// The widest stretch of a source line that is shown, in columns.
const WIDEST: usize = 100;
const TAB: &str = "    ";

const BOLD: &str = "1";
const GUTTER: &str = "1;34";

/// Every finding as text, a blank line after each.
pub fn text(findings: &[Diagnostic], of: &Text, look: Look) -> String {
    let lines: Vec<&str> = of.text.lines().collect();
    let told = findings.iter().map(|finding| match finding.source.as_deref() {
        None => one(finding, &of.name, &lines, look),
        Some(source) => one(finding, &source.name, &source.text.lines().collect::<Vec<_>>(), look),
    });
    told.map(|text| text + "\n").collect()
}

fn one(finding: &Diagnostic, file: &str, lines: &[&str], look: Look) -> String {
    let paint = |code: &str, text: &str| match look {
        Look::Plain => text.to_owned(),
        Look::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
    };
    let (severity, colour) = severity(finding.severity);
    let title = paint(colour, &format!("{severity}[{}]", finding.code));
    let mut out = format!("{title}{}\n", paint(BOLD, &format!(": {}", plain(&finding.message))));
    let gutter = finding.place.map_or(1, |place| place.line.to_string().len());
    let (empty, arrow) = (" ".repeat(gutter), paint(GUTTER, "-->"));
    // Writing to a string cannot fail.
    let _ = match finding.place {
        Some(place) => writeln!(out, "{empty}{arrow} {}:{}:{}", plain(file), place.line, place.column),
        None => writeln!(out, "{empty}{arrow} {}", plain(file)),
    };
    let bar = paint(GUTTER, "|");
    if let Some((place, line)) = finding.place.and_then(|place| Some((place, lines.get(place.line - 1)?))) {
        let excerpt = excerpt(line.trim_start_matches('\u{feff}'), place);
        let number = paint(GUTTER, &place.line.to_string());
        let carets = paint(colour, &"^".repeat(excerpt.carets));
        let _ = writeln!(out, "{empty} {bar}");
        let _ = writeln!(out, "{number} {bar} {}", excerpt.line);
        let _ = writeln!(out, "{empty} {bar} {}{carets}", " ".repeat(excerpt.before));
    }
    for (file, place) in finding.source.iter().flat_map(|source| &source.chain) {
        let (equals, word) = (paint(GUTTER, "="), paint(BOLD, "included"));
        let _ = writeln!(out, "{empty} {equals} {word}: at {}:{}:{}", plain(file), place.line, place.column);
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(out, "{empty} {} {}: {}", paint(GUTTER, "="), paint(BOLD, "help"), plain(help));
    }
    out
}

fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
        Severity::Note => ("note", "1;36"),
    }
}

/// A source line as it is shown, and where the carets go under it, in columns of a terminal.
struct Excerpt {
    line: String,
    before: usize,
    carets: usize,
}

fn excerpt(line: &str, place: Place) -> Excerpt {
    let chars: Vec<char> = line.chars().collect();
    let start = (place.column - 1).min(chars.len());
    let end = match place.end_line == place.line {
        true => (place.end_column - 1).clamp(start, chars.len()),
        // What goes on below is marked to the end of its first line.
        false => chars.len(),
    };
    // Of an endless line only what is around the carets is of use.
    let first = if end > WIDEST { start.saturating_sub(WIDEST / 4) } else { 0 };
    let last = chars.len().min(first + WIDEST);
    let shown = |range: std::ops::Range<usize>| -> String { chars[range].iter().map(|c| cell(*c)).collect() };
    let (left, right) = (if first > 0 { "…" } else { "" }, if last < chars.len() { "…" } else { "" });
    let end = end.min(last);
    Excerpt {
        line: format!("{left}{}{right}", shown(first..last)).trim_end().to_owned(),
        before: width(left) + width(&shown(first..start)),
        carets: width(&shown(start..end)).max(1),
    }
}

/// A character as it may go to a terminal: a file must not move the cursor.
fn cell(c: char) -> String {
    match c {
        '\t' => TAB.to_owned(),
        c if c.is_control() => char::REPLACEMENT_CHARACTER.to_string(),
        c => c.to_string(),
    }
}

fn plain(text: &str) -> String {
    text.chars().map(cell).collect()
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// `2 errors, 1 warning`; `None` when there is nothing to count.
pub fn summary(findings: &[Diagnostic]) -> Option<String> {
    let counted = [Severity::Error, Severity::Warning, Severity::Note].map(|which| {
        let count = findings.iter().filter(|finding| finding.severity == which).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", severity(which).0))
    });
    let parts: Vec<String> = counted.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// One finding for programs. In a file that is included, with the includes that led there, innermost first.
pub fn json(finding: &Diagnostic, file: &str) -> Json {
    let place = finding.place;
    let mut json = json!({
        "code": finding.code,
        "severity": severity(finding.severity).0,
        "message": finding.message,
        "file": finding.source.as_ref().map_or(file, |source| &source.name),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "end_line": place.map(|place| place.end_line),
        "end_column": place.map(|place| place.end_column),
        "path": finding.path.to_string(),
        "help": finding.help,
    });
    if let Some(source) = &finding.source {
        let from = source
            .chain
            .iter()
            .map(|(file, place)| json!({ "file": file, "line": place.line, "column": place.column }));
        json["included_at"] = from.collect();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Path;

    fn place(column: usize, end_column: usize) -> Place {
        Place { line: 1, column, end_line: 1, end_column }
    }

    #[test]
    fn carets_stand_under_wide_characters_and_tabs() {
        let wide = excerpt("名: ab", place(4, 6));
        assert_eq!((wide.before, wide.carets), (4, 2));
        let tab = excerpt("a:\tbc", place(4, 6));
        assert_eq!((tab.line.as_str(), tab.before), ("a:    bc", 6));
    }

    #[test]
    fn an_endless_line_is_shown_around_its_carets() {
        let line = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let cut = excerpt(&line, place(5001, 5002));
        assert!(cut.line.chars().count() <= WIDEST + 2);
        assert_eq!(cut.line.chars().nth(cut.before), Some('X'));
    }

    #[test]
    fn a_file_cannot_write_escapes_to_the_terminal() {
        let of = Text { name: "x".into(), folder: "".into(), text: "a: \x1b[2J\n".into() };
        let mut finding = Diagnostic::error("x", Path::root(), "got \"\x1b[2J\"");
        finding.place = Some(place(4, 8));
        assert!(!text(&[finding], &of, Look::Plain).contains('\x1b'));
    }

    #[test]
    fn the_summary_counts_each_severity() {
        let error = || Diagnostic::error("x", Path::root(), "m");
        let found = [error(), error(), Diagnostic::note("x", Path::root(), "m")];
        assert_eq!(summary(&found).as_deref(), Some("2 errors, 1 note"));
        assert_eq!(summary(&[]), None);
    }
}
