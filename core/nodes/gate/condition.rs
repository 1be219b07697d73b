//! The language of `open_when`: what must be seen, how often, where, and for how long.
//!
//! ```text
//! person
//! person or car
//! 2 person in yard for 1s
//! person above 0.6 in door for 500ms and no car
//! ```
//!
//! Owns reading it and judging detections by it. Pure: time is the PTS it is handed.

use std::time::Duration;

use super::zone::Zone;
use crate::media::{Detection, Pts};
use crate::node::units;

/// Longer conditions are nothing a person reads.
const MOST_TESTS: usize = 32;

/// Words that mean something here; a label that is one of them goes in quotes.
const WORDS: [&str; 8] = ["and", "or", "no", "any", "above", "in", "for", "anything"];

/// A condition over what has been found: one of several groups of tests that must all hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    any_of: Vec<Vec<Test>>,
}

/// One thing to look for.
#[derive(Clone, Debug, PartialEq)]
struct Test {
    /// `None`: anything at all.
    label: Option<String>,
    count: Count,
    /// Scores must be above this.
    above: f32,
    zone: Option<Zone>,
    /// How long it must have held without a break.
    lasting: Duration,
    /// Since when it has held.
    since: Option<Pts>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Count {
    AtLeast(usize),
    None,
}

/// Why a text is no condition, and which characters of it are meant.
#[derive(Debug, PartialEq)]
pub struct Fault {
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub help: String,
}

impl Condition {
    /// Whether it holds with `found` at `pts`. To be asked about every picture in turn, since
    /// `for` counts from the first picture on which a test held.
    pub fn holds(&mut self, pts: Pts, found: &[Detection]) -> bool {
        let mut holds = false;
        for all in &mut self.any_of {
            // Every test is asked: each keeps its own time.
            let met = all.iter_mut().filter_map(|test| (!test.holds(pts, found)).then_some(())).count() == 0;
            holds |= met;
        }
        holds
    }

    /// Forgets what has held so far: what was found is not known at the moment.
    pub fn interrupt(&mut self) {
        self.any_of.iter_mut().flatten().for_each(|test| test.since = None);
    }
}

impl Test {
    fn holds(&mut self, pts: Pts, found: &[Detection]) -> bool {
        let seen = found.iter().filter(|detection| self.matches(detection)).count();
        let now = match self.count {
            Count::AtLeast(least) => seen >= least,
            Count::None => seen == 0,
        };
        self.since = now.then(|| self.since.unwrap_or(pts));
        self.since.is_some_and(|since| pts.since(since) >= self.lasting)
    }

    fn matches(&self, detection: &Detection) -> bool {
        let label = self.label.as_ref().is_none_or(|label| is_a(&detection.label, label));
        let sure = self.above <= 0.0 || detection.score > self.above;
        label && sure && self.zone.as_ref().is_none_or(|zone| zone.holds(detection.region))
    }
}

/// Whether a detection labelled `found` is a `wanted`: `motion/door` is a `motion`, as it is to
/// the reference plugins.
fn is_a(found: &str, wanted: &str) -> bool {
    found.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads a condition. `zones` are the places it may name.
///
/// # Errors
/// The first word that does not belong, and what could stand there.
pub fn parse(text: &str, zones: &[(String, Zone)]) -> Result<Condition, Fault> {
    let words = words(text)?;
    let end = text.chars().count();
    let mut reading = Reading { words: &words, next: 0, end, zones };
    let mut any_of = vec![vec![reading.test()?]];
    let mut tests = 1;
    while let Some(word) = reading.take() {
        let test = match word.plain() {
            Some("or") => {
                any_of.push(Vec::new());
                reading.test()?
            }
            Some("and") => reading.test()?,
            _ => {
                let help = "tests are joined with `and` and `or`; a test reads [COUNT] LABEL [above SCORE] [in ZONE] [for TIME]";
                let quoted = "; a label of several words goes in quotes";
                return Err(word.fault("does not belong here", &format!("{help}{quoted}")));
            }
        };
        tests += 1;
        if tests > MOST_TESTS {
            return Err(word.fault(
                &format!("begins one test more than the {MOST_TESTS} there may be"),
                "split the work over several gates",
            ));
        }
        if let Some(all) = any_of.last_mut() {
            all.push(test);
        }
    }
    Ok(Condition { any_of })
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    quoted: bool,
    start: usize,
    end: usize,
}

impl Word {
    /// The word, unless it is a label in quotes.
    fn plain(&self) -> Option<&str> {
        (!self.quoted).then_some(self.text.as_str())
    }

    fn fault(&self, what: &str, help: &str) -> Fault {
        Fault {
            start: self.start,
            end: self.end,
            message: format!("\"{}\" {what}", self.text),
            help: help.to_owned(),
        }
    }
}

fn words(text: &str) -> Result<Vec<Word>, Fault> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        match chars[at] {
            c if c.is_whitespace() => at += 1,
            quote @ ('"' | '\'') => {
                let length = chars[at + 1..].iter().position(|c| *c == quote).ok_or_else(|| Fault {
                    start,
                    end: chars.len(),
                    message: "this quote is not closed".to_owned(),
                    help: "close it, or leave it out: a label of one word needs none".to_owned(),
                })?;
                at += length + 2;
                words.push(Word {
                    text: chars[start + 1..at - 1].iter().collect(),
                    quoted: true,
                    start,
                    end: at,
                });
            }
            _ => {
                while at < chars.len() && !chars[at].is_whitespace() {
                    at += 1;
                }
                words.push(Word { text: chars[start..at].iter().collect(), quoted: false, start, end: at });
            }
        }
    }
    Ok(words)
}

struct Reading<'a> {
    words: &'a [Word],
    next: usize,
    end: usize,
    zones: &'a [(String, Zone)],
}

impl Reading<'_> {
    fn take(&mut self) -> Option<Word> {
        let word = self.words.get(self.next).cloned();
        self.next += 1;
        word
    }

    /// Takes the next word if it is `wanted`.
    fn takes(&mut self, wanted: &str) -> bool {
        let is = self.words.get(self.next).is_some_and(|word| word.plain() == Some(wanted));
        self.next += usize::from(is);
        is
    }

    fn need(&mut self, what: &str, example: &str) -> Result<Word, Fault> {
        let end = self.end;
        self.take().ok_or_else(|| Fault {
            start: 0,
            end,
            message: format!("the condition ends where {what} belongs"),
            help: format!("write it like `{example}`"),
        })
    }

    /// `[no | any | COUNT] LABEL [above SCORE] [in ZONE] [for TIME]`.
    fn test(&mut self) -> Result<Test, Fault> {
        let count = self.count()?;
        let label = self.need("a label", "person")?;
        let label = match label.plain() {
            Some("anything") => None,
            Some(word) if WORDS.contains(&word) => {
                return Err(label.fault(
                    "stands where a label belongs",
                    &format!("for a label of that name write it in quotes: \"{word}\""),
                ));
            }
            _ => Some(label.text),
        };
        let mut test = Test { label, count, above: 0.0, zone: None, lasting: Duration::ZERO, since: None };
        if self.takes("above") {
            test.above = self.score()?;
        }
        if self.takes("in") {
            test.zone = Some(self.zone()?);
        }
        if self.takes("for") {
            let word = self.need("a time", "person for 2s")?;
            test.lasting = units::duration(&word.text)
                .map_err(|_| word.fault("is no time", "write it like `for 500ms` or `for 2s`"))?;
        }
        Ok(test)
    }

    fn count(&mut self) -> Result<Count, Fault> {
        if self.takes("no") {
            return Ok(Count::None);
        }
        if self.takes("any") {
            return Ok(Count::AtLeast(1));
        }
        let number = self
            .words
            .get(self.next)
            .filter(|word| !word.quoted && word.text.starts_with(|c: char| c.is_ascii_digit()));
        let Some(word) = number else { return Ok(Count::AtLeast(1)) };
        match word.text.parse() {
            Ok(count @ 1..=1000) => {
                self.next += 1;
                Ok(Count::AtLeast(count))
            }
            Ok(_) => Err(word.fault("is no count from 1 to 1000", "for none at all write `no`, like `no person`")),
            Err(_) => Err(word.fault("is no count", "a count stands before the label, like `2 person`; a label that begins with a digit goes in quotes")),
        }
    }

    fn score(&mut self) -> Result<f32, Fault> {
        let word = self.need("a score", "person above 0.6")?;
        let score = word.text.parse().ok().filter(|score| (0.0..1.0).contains(score));
        score.ok_or_else(|| word.fault("is no score", "a score is at least 0 and below 1, like `above 0.6`"))
    }

    fn zone(&mut self) -> Result<Zone, Fault> {
        let word = self.need("a zone", "person in door")?;
        let zone = self.zones.iter().find(|(name, _)| *name == word.text).map(|(_, zone)| zone.clone());
        zone.ok_or_else(|| {
            let names: Vec<&str> = self.zones.iter().map(|(name, _)| name.as_str()).collect();
            let help = match names.is_empty() {
                true => format!("describe it beside: `zones: {{ {}: [x, y, width, height] }}`", word.text),
                false => format!("`zones` has {}", names.join(", ")),
            };
            word.fault("is no zone", &help)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Region;

    fn zones() -> Vec<(String, Zone)> {
        vec![("door".to_owned(), Zone::read(&serde_json::json!([0.0, 0.0, 0.5, 1.0])).unwrap())]
    }

    fn seen(label: &str, score: f32, x: f32) -> Detection {
        let region = Region { x, y: 0.4, width: 0.1, height: 0.1 };
        Detection { label: label.into(), score, region, track: None }
    }

    /// Whether `text` holds on each of these pictures, 100 ms apart.
    fn held(text: &str, pictures: &[&[Detection]]) -> Vec<bool> {
        let mut condition = parse(text, &zones()).unwrap();
        let at = |index: usize| Pts::from_nanos(index as i64 * 100_000_000);
        pictures.iter().enumerate().map(|(index, found)| condition.holds(at(index), found)).collect()
    }

    fn one(text: &str, found: &[Detection]) -> bool {
        held(text, &[found]) == [true]
    }

    #[test]
    fn label_score_zone_and_count_decide() {
        let two = [seen("person", 0.9, 0.1), seen("person", 0.5, 0.8)];
        assert!(one("person", &two) && one("2 person", &two) && one("anything", &two));
        assert!(!one("3 person", &two) && !one("car", &two));
        assert!(one("person above 0.8", &two) && !one("2 person above 0.8", &two));
        assert!(one("person in door", &two) && !one("2 person in door", &two));
        assert!(!one("no person", &two) && one("no car", &two) && one("no anything", &[]));
        assert!(one("no person above 0.6 in door or 2 person", &two));
    }

    #[test]
    fn and_binds_closer_than_or() {
        let cat = [seen("cat", 1.0, 0.1)];
        assert!(one("cat or dog and cow", &cat) && one("dog and cow or cat", &cat));
        assert!(!one("cat and dog or cow", &cat));
    }

    #[test]
    fn a_label_may_be_several_words_or_a_word_of_the_language() {
        let found = [seen("traffic light", 1.0, 0.1), seen("no", 1.0, 0.1)];
        assert!(one("'traffic light' and \"no\"", &found));
    }

    #[test]
    fn a_label_stands_for_all_below_it() {
        let found = [seen("motion/door", 1.0, 0.1)];
        assert!(one("motion", &found) && one("motion/door", &found));
        assert!(!one("mot", &found) && !one("motion/yard", &found));
    }

    #[test]
    fn for_counts_without_a_break() {
        let (yes, no): (&[Detection], &[Detection]) = (&[seen("cat", 1.0, 0.1)], &[]);
        let expected = [false, false, true, true, false, false, false, true];
        assert_eq!(held("cat for 200ms", &[yes, yes, yes, yes, no, yes, yes, yes]), expected);
        // Each side of `or` keeps its own time, whichever holds.
        assert_eq!(held("cat or cat for 100ms and no dog", &[yes, no, yes]), [true, false, true]);
    }

    #[test]
    fn an_interruption_starts_the_time_anew() {
        let cat = [seen("cat", 1.0, 0.1)];
        let mut condition = parse("cat for 100ms", &[]).unwrap();
        assert!(!condition.holds(Pts::ZERO, &cat));
        condition.interrupt();
        assert!(!condition.holds(Pts::from_nanos(500_000_000), &cat));
        assert!(condition.holds(Pts::from_nanos(600_000_000), &cat));
    }

    #[test]
    fn faults_point_at_the_word_that_does_not_belong() {
        let fault = |text: &str| {
            let fault = parse(text, &zones()).unwrap_err();
            text.chars().skip(fault.start).take(fault.end - fault.start).collect::<String>()
        };
        assert_eq!(fault("persön with score"), "with");
        assert_eq!(fault("person above high"), "high");
        assert_eq!(fault("person above 60"), "60");
        assert_eq!(fault("person in dor"), "dor");
        assert_eq!(fault("person for ages"), "ages");
        assert_eq!(fault("0 person"), "0");
        assert_eq!(fault("person and or car"), "or");
        assert_eq!(fault("\"traffic light"), "\"traffic light");
        assert_eq!(fault("person and"), "person and");
        assert_eq!(parse("", &[]).unwrap_err().message, "the condition ends where a label belongs");
        let endless = vec!["cat"; 100].join(" or ");
        assert!(parse(&endless, &[]).unwrap_err().message.contains("more than the 32"));
    }
}
