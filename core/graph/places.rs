//! Where each part of a document stands in its text: path → line and column of key and value.
//!
//! Owns the position-keeping pass over the text, and the faults that only it can see: keys given
//! twice, nesting and aliases without bounds. Leaves what the values mean to `document`, whose
//! parser loses positions.

use std::collections::HashSet;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::syntax::syntax;
use crate::diagnostic::{Diagnostic, Path, Place, Points, Step};

/// Deeper nesting, aliases followed, is nothing a person writes.
const DEEPEST: usize = 64;
/// The most values a document may hold once its aliases are followed.
const MOST_VALUES: u64 = 100_000;

/// The places of one document.
pub(super) struct Places {
    root: Option<Mark>,
}

/// What the pass over the text gives.
pub(super) struct Surveyed {
    pub places: Places,
    /// Keys given twice: the document can still be read.
    pub repeated: Vec<Diagnostic>,
    /// Why the document must not be read any further.
    pub unreadable: Option<Diagnostic>,
}

/// One value of the document.
#[derive(Clone)]
struct Mark {
    place: Place,
    /// A scalar without quotes, whose type is told by how it looks.
    plain: bool,
    inside: Rc<Inside>,
    /// Values in here, itself included, aliases followed.
    values: u64,
    /// Levels in here, itself included, aliases followed.
    levels: usize,
}

enum Inside {
    Scalar,
    List(Vec<Mark>),
    Mapping(Vec<Entry>),
}

struct Entry {
    key: String,
    key_place: Place,
    value: Mark,
}

impl Places {
    /// The place of `path`, or of the nearest part of the document around it that exists.
    pub fn of(&self, path: &Path, points: Points) -> Option<Place> {
        let mut mark = self.root.as_ref()?;
        let mut place = mark.place;
        for step in &path.0 {
            let Some((key_place, next)) = mark.step(step) else { return Some(place) };
            mark = next;
            place = match points {
                Points::AtKey => key_place.unwrap_or(mark.place),
                Points::AtValue => mark.place,
            };
        }
        Some(place)
    }

    /// Whether the scalar at `path` stands without quotes.
    pub fn is_plain(&self, path: &Path) -> bool {
        let end =
            path.0.iter().try_fold(self.root.as_ref(), |mark, step| Some(mark?.step(step).map(|m| m.1)));
        matches!(end, Some(Some(mark)) if mark.plain)
    }
}

impl Mark {
    /// One step down: the key's place, where there is a key, and the value.
    fn step(&self, step: &Step) -> Option<(Option<Place>, &Mark)> {
        match (&*self.inside, step) {
            (Inside::List(items), Step::Index(index)) => items.get(*index).map(|item| (None, item)),
            (Inside::Mapping(entries), Step::Key(key)) => {
                let own = entries.iter().find(|entry| entry.key == *key);
                own.map(|entry| (Some(entry.key_place), &entry.value)).or_else(|| merged(entries, step))
            }
            _ => None,
        }
    }
}

/// A key that came in by a merge (`<<: *base`).
fn merged<'a>(entries: &'a [Entry], step: &Step) -> Option<(Option<Place>, &'a Mark)> {
    let merge = &entries.iter().find(|entry| entry.key == "<<")?.value;
    match &*merge.inside {
        Inside::List(all) => all.iter().find_map(|one| one.step(step)),
        Inside::Mapping(_) => merge.step(step),
        Inside::Scalar => None,
    }
}

/// Goes once over the text.
pub(super) fn survey(text: &str) -> Surveyed {
    let mut surveyor = Surveyor::default();
    let unreadable = surveyor.run(text).err();
    let places = Places { root: surveyor.root };
    Surveyed { places, repeated: surveyor.repeated, unreadable }
}

#[derive(Default)]
struct Surveyor {
    open: Vec<Open>,
    /// By the parser's anchor number, from 1.
    anchors: Vec<Option<Mark>>,
    root: Option<Mark>,
    repeated: Vec<Diagnostic>,
    documents: usize,
    values: u64,
}

/// A collection whose end has not come yet.
struct Open {
    start: Span,
    anchor: usize,
    values: u64,
    levels: usize,
    what: Collecting,
}

enum Collecting {
    List(Vec<Mark>),
    Mapping { entries: Vec<Entry>, seen: HashSet<String>, key: Option<(String, Place)> },
}

impl Surveyor {
    fn run(&mut self, text: &str) -> Result<(), Diagnostic> {
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| syntax(&error, text))?;
            self.take(event, span)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err(found_at(span, "yaml-syntax", "a second document begins here")
                        .help("a graph file holds one document: remove what follows `---`")),
                }
            }
            Event::Scalar(text, style, anchor, _) => self.scalar(&text, style, anchor, span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::SequenceStart(anchor, _) => self.open(Collecting::List(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => {
                let what = Collecting::Mapping { entries: Vec::new(), seen: HashSet::new(), key: None };
                self.open(what, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        span: Span,
    ) -> Result<(), Diagnostic> {
        if self.expect_key(text, span) {
            return Ok(());
        }
        // A value that was left out has no width: the key stands for it.
        let place = match (span.is_empty(), self.key_place()) {
            (true, Some(key)) => key,
            _ => place(span),
        };
        let plain = style == ScalarStyle::Plain;
        let mark = Mark { place, plain, inside: Rc::new(Inside::Scalar), values: 1, levels: 1 };
        self.add(mark, anchor, span)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        let Some(named) = self.anchors.get(anchor).cloned().flatten() else {
            return Err(found_at(span, "yaml-syntax", "this alias stands inside what it names"));
        };
        match self.expect_key("*", span) {
            true => Ok(()),
            false => self.add(Mark { place: place(span), ..named }, 0, span),
        }
    }

    fn open(&mut self, what: Collecting, anchor: usize, start: Span) -> Result<(), Diagnostic> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep(start));
        }
        self.open.push(Open { start, anchor, values: 1, levels: 1, what });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Diagnostic> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let flow = !open.start.is_empty();
        let (first, inside) = match open.what {
            Collecting::List(items) => (items.first().map(|item| item.place), Inside::List(items)),
            Collecting::Mapping { entries, .. } => {
                (entries.first().map(Entry::place), Inside::Mapping(entries))
            }
        };
        let place = match (flow, self.key_place()) {
            (true, _) => place(Span::new(open.start.start, end.end)),
            // A block may go on for a page: the caret belongs under what names it.
            (false, Some(key)) => key,
            (false, None) => first.unwrap_or_else(|| place(open.start)),
        };
        if self.expect_key("?", open.start) {
            return Ok(());
        }
        let mark =
            Mark { place, plain: false, inside: Rc::new(inside), values: open.values, levels: open.levels };
        self.add(mark, open.anchor, open.start)
    }

    /// Takes a value as the key that the innermost mapping waits for, if it does.
    fn expect_key(&mut self, text: &str, span: Span) -> bool {
        let path = self.path();
        let Some(Open { what: Collecting::Mapping { seen, key: key @ None, .. }, .. }) = self.open.last_mut()
        else {
            return false;
        };
        *key = Some((text.to_owned(), place(span)));
        if !seen.insert(text.to_owned()) {
            let again = Diagnostic::error(
                "duplicate-key",
                path.key(text),
                format!("\"{text}\" is given twice in the same mapping"),
            );
            let again = again.at_key().help("keep one of the two; the first was used for this check");
            self.repeated.push(Diagnostic { place: Some(place(span)), ..again });
        }
        true
    }

    /// The place of the key whose value comes next, if the innermost collection is a mapping.
    fn key_place(&self) -> Option<Place> {
        match &self.open.last()?.what {
            Collecting::Mapping { key: Some((_, place)), .. } => Some(*place),
            _ => None,
        }
    }

    fn add(&mut self, mark: Mark, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        self.values = self.values.saturating_add(mark.values);
        if self.values > MOST_VALUES {
            return Err(found_at(
                span,
                "too-large",
                format!("the document holds over {MOST_VALUES} values once its aliases are followed"),
            ));
        }
        if self.open.len() + mark.levels > DEEPEST {
            return Err(too_deep(span));
        }
        if anchor > 0 {
            self.anchors.resize_with(self.anchors.len().max(anchor + 1), || None);
            self.anchors[anchor] = Some(mark.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(mark);
            return Ok(());
        };
        open.values += mark.values;
        open.levels = open.levels.max(mark.levels + 1);
        match &mut open.what {
            Collecting::List(items) => items.push(mark),
            Collecting::Mapping { entries, key, .. } => {
                if let Some((key, key_place)) = key.take() {
                    entries.push(Entry { key, key_place, value: mark });
                }
            }
        }
        Ok(())
    }

    /// The path of the value that comes next.
    fn path(&self) -> Path {
        let steps = self.open.iter().filter_map(|open| match &open.what {
            Collecting::List(items) => Some(Step::Index(items.len())),
            Collecting::Mapping { key, .. } => key.as_ref().map(|(key, _)| Step::Key(key.clone())),
        });
        Path(steps.collect())
    }
}

impl Entry {
    /// Key and value where they share a line, otherwise the key.
    fn place(&self) -> Place {
        match self.value.place.line == self.key_place.line && self.value.place.end_line == self.key_place.line
        {
            true => Place { end_column: self.value.place.end_column, ..self.key_place },
            false => self.key_place,
        }
    }
}

pub(super) fn place(span: Span) -> Place {
    Place {
        line: span.start.line(),
        column: span.start.col() + 1,
        end_line: span.end.line(),
        end_column: span.end.col() + 1,
    }
}

pub(super) fn found_at(span: Span, code: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic { place: Some(place(span)), ..Diagnostic::error(code, Path::root(), message) }
}

pub(super) fn too_deep(span: Span) -> Diagnostic {
    found_at(span, "too-deep", format!("the document is nested over {DEEPEST} levels deep"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that the place of `path` covers, with its line and column.
    fn at(text: &str, path: &Path, points: Points) -> String {
        let place = survey(text).places.of(path, points).unwrap();
        let line: Vec<char> = text.lines().nth(place.line - 1).unwrap().chars().collect();
        let end = if place.end_line == place.line { place.end_column - 1 } else { line.len() };
        let covered: String = line[place.column - 1..end].iter().collect();
        format!("{}:{} {covered}", place.line, place.column)
    }

    fn path(text: &str) -> Path {
        let steps = text.split('.').map(|step| match step.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Key(step.to_owned()),
        });
        Path(steps.collect())
    }

    fn value(text: &str, of: &str) -> String {
        at(text, &path(of), Points::AtValue)
    }

    fn key(text: &str, of: &str) -> String {
        at(text, &path(of), Points::AtKey)
    }

    #[test]
    fn block_and_flow_values_are_found_exactly() {
        let text = "nodes:\n  - id: cam\n    with: { size: 12x7, zones: [[1, 2], [3]] }\n  - id: b\n";
        assert_eq!(value(text, "nodes.0.id"), "2:9 cam");
        assert_eq!(key(text, "nodes.0.id"), "2:5 id");
        assert_eq!(value(text, "nodes.0.with.size"), "3:19 12x7");
        assert_eq!(value(text, "nodes.0.with"), "3:11 { size: 12x7, zones: [[1, 2], [3]] }");
        assert_eq!(value(text, "nodes.0.with.zones.1"), "3:41 [3]");
        assert_eq!(value(text, "nodes.1"), "4:5 id: b");
        assert_eq!(value(text, "nodes"), "1:1 nodes");
    }

    #[test]
    fn columns_count_characters_and_lines_end_in_any_way() {
        let text = "name: \"häuser 🏠\"\r\nクラス: { é: ü }\r\nx: 1\r\n";
        assert_eq!(value(text, "name"), "1:7 \"häuser 🏠\"");
        assert_eq!(value(text, "クラス.é"), "2:11 ü");
        assert_eq!(value(text, "x"), "3:4 1");
    }

    #[test]
    fn aliases_and_merges_lead_to_where_the_value_stands() {
        let text = "base: &b { rate: 5, size: x }\na: *b\nc:\n  <<: *b\n  rate: 7\n";
        assert_eq!(value(text, "a"), "2:4 *b");
        assert_eq!(value(text, "a.rate"), "1:18 5");
        assert_eq!(value(text, "c.rate"), "5:9 7");
        assert_eq!(value(text, "c.size"), "1:27 x");
    }

    #[test]
    fn what_is_missing_is_told_by_what_is_around_it() {
        let text = "nodes:\n  - id: a\n    with:\n    kind: x\n";
        assert_eq!(value(text, "nodes.0.with"), "3:5 with");
        assert_eq!(value(text, "nodes.0.inputs.frames"), "2:5 id: a");
    }

    #[test]
    fn bounds_hold_for_depth_and_aliases() {
        let code = |text: &str| survey(text).unreadable.map(|finding| finding.code);
        assert_eq!(code(&"[".repeat(500_000)), Some("too-deep"));
        let bomb: String =
            (1..40).map(|i| format!("a{i}: &a{i} [{}]\n", format!("*a{},", i - 1).repeat(10))).collect();
        assert_eq!(code(&format!("a0: &a0 x\n{bomb}")), Some("too-large"));
        assert_eq!(code("a: &a [*a]\n"), Some("yaml-syntax"));
        let chain: String = (1..5000).map(|i| format!("a{i}: &a{i} [*a{}]\n", i - 1)).collect();
        assert_eq!(code(&format!("a0: &a0 x\n{chain}")), Some("too-deep"));
    }

    #[test]
    fn keys_given_twice_are_told_at_the_second() {
        let found = survey("a: 1\nb: { c: 1, c: 2 }\na: 2\n").repeated;
        let places: Vec<_> = found.iter().map(|f| (f.path.to_string(), f.place.unwrap().line)).collect();
        assert_eq!(places, [("b.c".to_owned(), 2), ("a".to_owned(), 3)]);
    }
}
