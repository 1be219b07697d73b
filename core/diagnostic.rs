//! A finding about a document: what is wrong, where, by which rule, and what to do next.
//!
//! Owns the shape of a finding and the path that says which part of the document it is about.
//! Leaves to `graph` the lines and columns, and to `cli` how a finding is printed. A leaf: it
//! knows nothing else of this crate.

use std::fmt;
use std::sync::Arc;

/// How bad a finding is. Only an `Error` keeps a graph from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

/// One step on the way from the top of a document to the part a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// The way to one part of a document, printed like `nodes[3].inputs.frames`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The top of the document, or of whatever the finder was handed.
    pub fn root() -> Path {
        Path::default()
    }

    /// This path and one mapping key below it.
    pub fn key(&self, key: impl Into<String>) -> Path {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.into()));
        Path(steps)
    }

    /// This path and one sequence element (counted from 0) below it.
    pub fn index(&self, index: usize) -> Path {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Path(steps)
    }

    /// `self` as seen from above `outer`: how a kind's finding about `with.rate` becomes one
    /// about `nodes[0].with.rate`.
    pub fn under(&self, outer: &Path) -> Path {
        Path(outer.0.iter().chain(&self.0).cloned().collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Which half of a mapping entry the caret belongs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Points {
    /// The value is wrong.
    AtValue,
    /// The key itself is wrong (unknown, reserved, given twice).
    AtKey,
}

/// A stretch of the file. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// One finding. Built by whoever sees the fault; its place is filled in by `graph`.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, kebab-case, safe to cite in tests and documents: `unknown-kind`.
    pub code: &'static str,
    /// Lower case, no full stop: names the thing as the user wrote it, the value and the rule.
    pub message: String,
    pub path: Path,
    pub points: Points,
    pub place: Option<Place>,
    /// The next step, when there is one to name.
    pub help: Option<String>,
    /// The part of a text value that is meant, where that is less than all of it.
    pub part: Option<Part>,
    /// The file it is in, where that is not the document itself but one that it includes.
    pub source: Option<Arc<Source>>,
}

/// A stretch of a text value, in characters from 0, and the length of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub start: usize,
    pub end: usize,
    pub of: usize,
}

/// A file that a document includes, as a finding in it needs it to be shown.
#[derive(Debug)]
pub struct Source {
    /// As the user would name it from where they stand.
    pub name: String,
    pub text: String,
    /// The includes that led to it, innermost first: a file, and the place in it.
    pub chain: Vec<(String, Place)>,
}

impl Diagnostic {
    pub fn error(code: &'static str, path: Path, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            path,
            points: Points::AtValue,
            place: None,
            help: None,
            part: None,
            source: None,
        }
    }

    pub fn warning(code: &'static str, path: Path, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, path, message) }
    }

    pub fn note(code: &'static str, path: Path, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Note, ..Diagnostic::error(code, path, message) }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn at_key(mut self) -> Diagnostic {
        self.points = Points::AtKey;
        self
    }

    /// Points at characters `start..end` of the text value `text` alone.
    #[must_use]
    pub fn within(mut self, text: &str, start: usize, end: usize) -> Diagnostic {
        self.part = Some(Part { start, end, of: text.chars().count() });
        self
    }

    /// The same finding seen from above `outer` (see [`Path::under`]).
    #[must_use]
    pub fn under(mut self, outer: &Path) -> Diagnostic {
        self.path = self.path.under(outer);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Place {
    /// The place of `part` of a text that stands here, with or without quotes. Where it is written
    /// in another way (folded, with escapes), all of it.
    #[must_use]
    pub fn narrowed(self, part: Part) -> Place {
        let width = self.end_column.saturating_sub(self.column);
        let quote = match width.checked_sub(part.of) {
            Some(0) => 0,
            Some(2) => 1,
            _ => return self,
        };
        if self.line != self.end_line {
            return self;
        }
        let column = self.column + quote;
        Place { column: column + part.start, end_column: column + part.end, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_is_found_inside_its_quotes_and_nowhere_in_a_folded_one() {
        let place = |end_column| Place { line: 2, column: 5, end_line: 2, end_column };
        let part = Part { start: 3, end: 6, of: 10 };
        assert_eq!((place(15).narrowed(part).column, place(15).narrowed(part).end_column), (8, 11));
        assert_eq!((place(17).narrowed(part).column, place(17).narrowed(part).end_column), (9, 12));
        assert_eq!(place(30).narrowed(part), place(30));
    }

    #[test]
    fn a_path_reads_as_the_user_would_write_it() {
        let inner = Path::root().key("inputs").key("frames");
        let whole = inner.under(&Path::root().key("nodes").index(3));
        assert_eq!(whole.to_string(), "nodes[3].inputs.frames");
    }
}
