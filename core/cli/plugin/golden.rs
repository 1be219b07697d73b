//! A clip that a plugin's output is held against, picture by picture.
//!
//! Owns reading the clip and the measure (PSNR over all samples of a picture). Any Y4M file that
//! `write` makes can be one.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::media::Frame;

/// How alike two pictures must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// Every byte the same.
    Exact,
    /// At least so many dB: 40 can hardly be seen, below 30 anybody sees.
    Psnr(f64),
}

impl FromStr for Bar {
    type Err = String;

    fn from_str(text: &str) -> Result<Bar, String> {
        match (text, text.parse::<f64>()) {
            ("exact", _) => Ok(Bar::Exact),
            (_, Ok(decibels)) if decibels > 0.0 && decibels <= 100.0 => Ok(Bar::Psnr(decibels)),
            _ => Err("give `exact` or a number of dB between 0 and 100, such as 40".to_owned()),
        }
    }
}

impl Bar {
    pub fn is_met_by(self, likeness: Likeness) -> bool {
        match self {
            Bar::Exact => likeness == Likeness::Same,
            Bar::Psnr(least) => likeness == Likeness::Same || likeness.decibels() >= least,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bar::Exact => f.write_str("exactly the same"),
            Bar::Psnr(least) => write!(f, "at least {least} dB"),
        }
    }
}

/// How alike two pictures are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likeness {
    /// Every byte the same.
    Same,
    /// Peak signal to noise ratio, in dB.
    Differs(f64),
}

impl Likeness {
    /// Without an end when nothing differs.
    pub fn decibels(self) -> f64 {
        match self {
            Likeness::Same => f64::INFINITY,
            Likeness::Differs(decibels) => decibels,
        }
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Likeness::Same => f.write_str("the same"),
            Likeness::Differs(decibels) => write!(f, "{decibels:.1} dB"),
        }
    }
}

/// The clip, read as far as the output has come.
pub struct Golden {
    path: PathBuf,
    clip: BufReader<File>,
    /// `W1280`, `H720`: what pictures must agree on.
    sides: Vec<String>,
    picture: Vec<u8>,
}

/// What the clip says to one more picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compared {
    To(Likeness),
    /// The clip is over.
    Over,
}

impl Golden {
    /// # Errors
    /// A sentence that says why the file is none.
    pub fn open(path: &Path) -> Result<Golden, String> {
        let shown = path.display();
        let clip = File::open(path).map_err(|error| format!("cannot read \"{shown}\": {error}"))?;
        let mut clip = BufReader::new(clip);
        let header = line(&mut clip).map_err(|error| format!("cannot read \"{shown}\": {error}"))?;
        let mut words = header.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err(format!("\"{shown}\" is no Y4M clip; make one with `--output`"));
        }
        let sides = words.filter(|word| word.starts_with(['W', 'H'])).map(str::to_owned).collect();
        Ok(Golden { path: path.to_owned(), clip, sides, picture: Vec::new() })
    }

    /// Holds `frame` against the next picture of the clip.
    ///
    /// # Errors
    /// A sentence, when the clip is of another size or damaged.
    pub fn compare(&mut self, frame: &Frame) -> Result<Compared, String> {
        let size = frame.size();
        if self.sides != [format!("W{}", size.width()), format!("H{}", size.height())] {
            let (path, sides) = (self.path.display(), self.sides.join(" "));
            return Err(format!("\"{path}\" has pictures of {sides}, the plugin gives {size}"));
        }
        let damaged = |error: io::Error| format!("\"{}\" is damaged: {error}", self.path.display());
        let marker = line(&mut self.clip).map_err(damaged)?;
        if marker.is_empty() {
            return Ok(Compared::Over);
        }
        self.picture.resize(frame.pixel().bytes(size), 0);
        self.clip.read_exact(&mut self.picture).map_err(damaged)?;
        Ok(Compared::To(likeness(frame, &self.picture)))
    }

    /// How many pictures of the clip nothing was held against.
    ///
    /// # Errors
    /// A sentence, when the clip cannot be read.
    pub fn left(&mut self) -> Result<u64, String> {
        let mut left = 0;
        while !line(&mut self.clip).map_err(|error| error.to_string())?.is_empty() {
            let mut picture = (&mut self.clip).take(self.picture.len() as u64);
            io::copy(&mut picture, &mut io::sink()).map_err(|error| error.to_string())?;
            left += 1;
        }
        Ok(left)
    }
}

/// A line without its end; empty at the end of the file. No line of a clip is longer than this.
fn line(clip: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    clip.take(1024).read_until(b'\n', &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

fn likeness(frame: &Frame, golden: &[u8]) -> Likeness {
    let (mut squares, mut at) = (0_u64, 0);
    for index in 0..frame.planes().len() {
        for row in frame.plane(index).rows() {
            squares += distance(row, &golden[at..at + row.len()]);
            at += row.len();
        }
    }
    match squares {
        0 => Likeness::Same,
        squares => Likeness::Differs(10.0 * (255.0 * 255.0 * golden.len() as f64 / squares as f64).log10()),
    }
}

fn distance(ours: &[u8], theirs: &[u8]) -> u64 {
    ours.iter().zip(theirs).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts, Size};

    fn grey(luma: u8) -> Frame {
        let format = FrameFormat::new(PixelFormat::Gray8, Size::new(5, 3).unwrap());
        let mut frame = Frame::pooled(&Pool::new(1 << 20), format, Pts::ZERO, 0).unwrap();
        frame.plane_mut(0).unwrap().fill(luma);
        frame
    }

    #[test]
    fn likeness_is_measured_in_decibels() {
        assert_eq!(likeness(&grey(7), &[7; 15]), Likeness::Same);
        // A difference of one everywhere: 20 log10(255).
        let Likeness::Differs(decibels) = likeness(&grey(8), &[7; 15]) else { panic!("they differ") };
        assert!((decibels - 48.13).abs() < 0.01, "{decibels}");
        assert!(Bar::Psnr(48.0).is_met_by(Likeness::Differs(decibels)));
        assert!(!Bar::Psnr(49.0).is_met_by(Likeness::Differs(decibels)));
        assert!(!Bar::Exact.is_met_by(Likeness::Differs(decibels)));
    }

    #[test]
    fn a_clip_says_when_it_is_over_and_what_is_left() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let picture = ["FRAME\n", &"\x07".repeat(15)].concat();
        std::fs::write(file.path(), format!("YUV4MPEG2 W5 H3 F30:1 Cmono\n{}", picture.repeat(3))).unwrap();
        let mut golden = Golden::open(file.path()).unwrap();
        assert_eq!(golden.compare(&grey(7)), Ok(Compared::To(Likeness::Same)));
        assert_eq!(golden.left(), Ok(2));
        assert_eq!(golden.compare(&grey(7)), Ok(Compared::Over));
    }

    #[test]
    fn a_bar_is_exact_or_a_number_of_decibels() {
        assert_eq!("exact".parse(), Ok(Bar::Exact));
        assert_eq!("42.5".parse(), Ok(Bar::Psnr(42.5)));
        assert!(
            "-3".parse::<Bar>().is_err() && "nan".parse::<Bar>().is_err() && "good".parse::<Bar>().is_err()
        );
    }
}
