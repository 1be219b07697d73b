//! What a plugin found in each picture: written as JSON, an object a line, and held against what was kept.
//!
//! Owns the form of a line and when two of them are alike. Boxes and scores are, up to a tolerance;
//! labels, tracks, tags, who looked and how many there are must be the same.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::media::{Annotations, Detection, Frame};
use crate::node::NodeError;

/// No frame has more on it.
const LONGEST_LINE: u64 = 16 << 20;

/// How far apart two boxes or scores may be: in fractions of the picture, and of certainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance(f32);

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Tolerance, String> {
        match text.parse::<f32>() {
            Ok(number) if (0.0..=1.0).contains(&number) => Ok(Tolerance(number)),
            _ => Err("give a number between 0 and 1, such as 0.01".to_owned()),
        }
    }
}

impl Tolerance {
    fn allows(self, apart: f32) -> bool {
        // What stands in a file is the number itself; the difference of two of them is rounded.
        apart <= self.0 + f32::EPSILON
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was found, on its way into a file.
pub struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Lines {
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> Result<Lines, NodeError> {
        let file = File::create(path).map_err(|error| unwritable(path, error))?;
        Ok(Lines { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// # Errors
    /// When the disk is full, say.
    pub fn write(&mut self, frame: &Frame) -> Result<(), NodeError> {
        writeln!(self.file, "{}", line(frame)).map_err(|error| unwritable(&self.path, error))
    }

    /// # Errors
    /// As [`Lines::write`].
    pub fn finish(&mut self) -> Result<(), NodeError> {
        self.file.flush().map_err(|error| unwritable(&self.path, error))
    }
}

fn unwritable(path: &Path, error: io::Error) -> NodeError {
    NodeError::stop_graph(format!("{} cannot be written", path.display())).caused_by(error)
}

fn line(frame: &Frame) -> Json {
    let found = frame.annotations();
    json!({
        "sequence": frame.sequence,
        "pts_ns": frame.pts.nanos(),
        "detections": found.detections.iter().map(detection).collect::<Vec<_>>(),
        "tags": found.tags,
        "looked": found.looked.iter().map(|node| &**node).collect::<Vec<_>>(),
    })
}

fn detection(found: &Detection) -> Json {
    let region = found.region;
    json!({
        "label": &*found.label,
        "score": found.score,
        "box": [region.x, region.y, region.width, region.height],
        "track": found.track,
    })
}

/// A line that was kept.
#[derive(Deserialize)]
struct Kept {
    sequence: u64,
    detections: Vec<Found>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    looked: Vec<String>,
}

#[derive(Clone, Deserialize)]
struct Found {
    label: String,
    score: f32,
    #[serde(rename = "box")]
    region: [f32; 4],
    #[serde(default)]
    track: Option<u64>,
}

impl From<&Detection> for Found {
    fn from(found: &Detection) -> Found {
        let Detection { label, score, region, track } = found.clone();
        Found {
            label: label.to_string(),
            score,
            region: [region.x, region.y, region.width, region.height],
            track,
        }
    }
}

impl Found {
    /// How far the numbers of two are apart that are the same otherwise.
    fn apart(&self, other: &Found) -> Option<f32> {
        let same = (&self.label, self.track) == (&other.label, other.track);
        let numbers = |found: &Found| found.region.into_iter().chain([found.score]);
        let differences = numbers(self).zip(numbers(other)).map(|(one, other)| (one - other).abs());
        same.then(|| differences.fold(0.0, f32::max))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, width, height] = self.region;
        write!(f, "{:?} {:.3} at [{x:.3}, {y:.3}, {width:.3}, {height:.3}]", self.label, self.score)?;
        self.track.map_or(Ok(()), |track| write!(f, " of track {track}"))
    }
}

/// The file that was kept, read as far as the output has come.
pub struct Golden {
    path: PathBuf,
    file: BufReader<File>,
    lines: u64,
}

/// What the file says to one more frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Compared {
    /// Alike: so far apart are the farthest numbers.
    Alike(f32),
    /// What differs.
    Differs(String),
    /// The file is over.
    Over,
}

impl Golden {
    /// # Errors
    /// A sentence that says why the file cannot be read.
    pub fn open(path: &Path) -> Result<Golden, String> {
        let file = File::open(path).map_err(|error| {
            format!("cannot read \"{}\": {error}; make one with `--detections`", path.display())
        })?;
        Ok(Golden { path: path.to_owned(), file: BufReader::new(file), lines: 0 })
    }

    /// Holds what is on `frame` against the next line.
    ///
    /// # Errors
    /// A sentence, when that is no line of such a file.
    pub fn compare(&mut self, frame: &Frame, tolerance: Tolerance) -> Result<Compared, String> {
        Ok(match self.next()? {
            None => Compared::Over,
            Some(kept) if kept.sequence != frame.sequence => {
                Compared::Differs(format!("expected is frame {} here", kept.sequence))
            }
            Some(kept) => held(&kept, frame.annotations(), tolerance),
        })
    }

    /// How many lines nothing was held against.
    ///
    /// # Errors
    /// As [`Golden::compare`].
    pub fn left(&mut self) -> Result<u64, String> {
        let mut left = 0;
        while self.next()?.is_some() {
            left += 1;
        }
        Ok(left)
    }

    fn next(&mut self) -> Result<Option<Kept>, String> {
        let mut line = Vec::new();
        let read = (&mut self.file).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let path = self.path.display();
        read.map_err(|error| format!("cannot read \"{path}\": {error}"))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.lines += 1;
        let wrong = |error| {
            let line = self.lines;
            format!("\"{path}\" is not what `--detections` writes, at its line {line}: {error}")
        };
        serde_json::from_slice(&line).map(Some).map_err(wrong)
    }
}

fn held(kept: &Kept, seen: &Annotations, tolerance: Tolerance) -> Compared {
    let mut farthest = 0.0_f32;
    let mut rest: Vec<Found> = seen.detections.iter().map(Found::from).collect();
    for expected in &kept.detections {
        // In whatever order it found them: each goes to what is nearest to it of the same kind.
        let apart = rest.iter().enumerate().filter_map(|(at, found)| Some((at, expected.apart(found)?)));
        match apart.min_by(|(_, one), (_, other)| one.total_cmp(other)) {
            Some((at, apart)) if tolerance.allows(apart) => {
                farthest = farthest.max(apart);
                rest.swap_remove(at);
            }
            Some((at, _)) => return Compared::Differs(format!("expected {expected}, found {}", rest[at])),
            None => return Compared::Differs(format!("expected {expected}, which is not found")),
        }
    }
    if let Some(more) = rest.first() {
        return Compared::Differs(format!("found {more}, which is not expected"));
    }
    if kept.tags != seen.tags {
        return Compared::Differs(format!("expected the tags {:?}, found {:?}", kept.tags, seen.tags));
    }
    let looked: Vec<&str> = seen.looked.iter().map(|node| &**node).collect();
    if kept.looked != looked {
        return Compared::Differs(format!(
            "expected to be looked at by {:?}, was by {looked:?}",
            kept.looked
        ));
    }
    Compared::Alike(farthest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts, Region, Size};

    const CAT: Region = Region { x: 0.1, y: 0.2, width: 0.3, height: 0.4 };

    fn found(label: &str, score: f32, region: Region) -> Detection {
        Detection { label: label.into(), score, region, track: None }
    }

    fn frame(detections: Vec<Detection>) -> Frame {
        let format = FrameFormat::new(PixelFormat::Gray8, Size::new(2, 2).unwrap());
        let mut frame = Frame::pooled(&Pool::new(1 << 10), format, Pts::ZERO, 7).unwrap();
        frame.annotations_mut().detections = detections;
        frame
    }

    /// What a kept `frame` says to another.
    fn told(kept: &Frame, frame: &Frame) -> Compared {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut lines = Lines::create(file.path()).unwrap();
        lines.write(kept).and_then(|()| lines.finish()).unwrap();
        Golden::open(file.path()).unwrap().compare(frame, "0.01".parse().unwrap()).unwrap()
    }

    fn difference(kept: &Frame, frame: &Frame) -> String {
        match told(kept, frame) {
            Compared::Differs(words) => words,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_may_be_a_little_apart_and_the_order_another() {
        let kept = frame(vec![found("cat", 0.5, CAT), found("dog", 0.7, Region::WHOLE)]);
        let near = Region { x: CAT.x + 0.01, ..CAT };
        let seen = frame(vec![found("dog", 0.7, Region::WHOLE), found("cat", 0.495, near)]);
        let Compared::Alike(apart) = told(&kept, &seen) else { panic!("they are alike") };
        assert!((0.0099..0.0101).contains(&apart), "{apart}");
    }

    #[test]
    fn what_is_farther_missing_too_much_or_otherwise_is_told() {
        let kept = frame(vec![found("cat", 0.5, CAT)]);
        let far = frame(vec![found("cat", 0.5, Region { width: CAT.width + 0.02, ..CAT })]);
        assert_eq!(
            difference(&kept, &far),
            r#"expected "cat" 0.500 at [0.100, 0.200, 0.300, 0.400], found "cat" 0.500 at [0.100, 0.200, 0.320, 0.400]"#
        );
        let unsure = frame(vec![found("cat", 0.48, CAT)]);
        assert!(difference(&kept, &unsure).contains("found \"cat\" 0.480"));
        assert!(difference(&kept, &frame(vec![])).ends_with("which is not found"));
        assert!(difference(&kept, &frame(vec![found("dog", 0.5, CAT)])).ends_with("which is not found"));
        assert!(difference(&frame(vec![]), &kept).ends_with("which is not expected"));
        let mut tracked = frame(vec![found("cat", 0.5, CAT)]);
        tracked.annotations_mut().detections[0].track = Some(3);
        assert!(difference(&tracked, &kept).contains("of track 3, which is not found"));
        let mut tagged = kept.clone();
        tagged.annotations_mut().tags.insert("who".to_owned(), "me".to_owned());
        assert_eq!(difference(&kept, &tagged), r#"expected the tags {}, found {"who": "me"}"#);
        let mut looked_at = kept.clone();
        looked_at.annotations_mut().looked.push("faces".into());
        assert_eq!(difference(&kept, &looked_at), r#"expected to be looked at by [], was by ["faces"]"#);
        let mut later = kept.clone();
        later.sequence = 8;
        assert_eq!(difference(&kept, &later), "expected is frame 7 here");
    }

    #[test]
    fn a_file_says_when_it_is_over_what_is_left_and_where_it_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = r#"{"sequence": 7, "detections": []}"#;
        std::fs::write(file.path(), format!("{empty}\n{empty}\n{empty}")).unwrap();
        let mut golden = Golden::open(file.path()).unwrap();
        let exact: Tolerance = "0".parse().unwrap();
        assert_eq!(golden.compare(&frame(vec![]), exact), Ok(Compared::Alike(0.0)));
        assert_eq!(golden.left(), Ok(2));
        assert_eq!(golden.compare(&frame(vec![]), exact), Ok(Compared::Over));
        std::fs::write(file.path(), format!("{empty}\n{{}}\n")).unwrap();
        let told = Golden::open(file.path()).unwrap().left().unwrap_err();
        assert!(told.contains("is not what `--detections` writes, at its line 2: missing field"), "{told}");
        assert!("2".parse::<Tolerance>().is_err() && "nan".parse::<Tolerance>().is_err());
    }
}
