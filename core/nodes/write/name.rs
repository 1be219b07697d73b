//! Names of files: dates in them, what their endings mean, and numbers where a name is taken.
//!
//! Owns the fields a name may have and what the check says of a name. Opens nothing.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use jiff::Zoned;

use super::at_path;
use crate::diagnostic::Diagnostic;

/// What a name may hold of the time, as strftime has it, and how many digits each is. Digits alone:
/// such a name can be told from others, sorts by time, and is a name on every system.
const FIELDS: &[(char, usize)] =
    &[('Y', 4), ('y', 2), ('m', 2), ('d', 2), ('j', 3), ('H', 2), ('M', 2), ('S', 2)];

/// What is in a file, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Mp4,
    AnnexB,
    Y4m,
}

pub const ENDINGS: &str = ".mp4 (video with the time of every picture), .h264 (bare video) or .y4m (frames)";

impl Ending {
    pub fn of(path: &FilePath) -> Option<Ending> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "mp4" => Some(Ending::Mp4),
            "h264" | "264" => Some(Ending::AnnexB),
            "y4m" => Some(Ending::Y4m),
            _ => None,
        }
    }
}

/// Whether bytes go somewhere that has no name of its own making: standard output, a pipe, a device.
pub fn is_stream(path: &FilePath) -> bool {
    path.to_str() == Some("-") || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// What can be said of a name before anything is opened.
pub fn check(path: &FilePath) -> Vec<Diagnostic> {
    if is_stream(path) {
        return Vec::new();
    }
    [unknown_field(path), no_folder(path), unknown_ending(path)].into_iter().flatten().collect()
}

fn unknown_field(path: &FilePath) -> Option<Diagnostic> {
    let Err(field) = parts(&file_name(path)) else { return None };
    let rule = format!("\"{}\" has \"{field}\", which is no field of a date", file_name(path));
    let fields: Vec<String> = FIELDS.iter().map(|(field, _)| format!("%{field}")).collect();
    let help = format!("there are {}, and %% is a percent sign", fields.join(" "));
    Some(Diagnostic::error("bad-name", at_path(), rule).help(help))
}

fn no_folder(path: &FilePath) -> Option<Diagnostic> {
    if path.is_dir() {
        let rule = format!("{} is a folder", path.display());
        let help = format!("name a file in it, such as {}", path.join("front.mp4").display());
        return Some(Diagnostic::error("file-exists", at_path(), rule).help(help));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())?;
    let rule = format!("the folder {} is not there", folder.display());
    let help = match folder.to_string_lossy().contains('%') {
        true => "dates are for the name of the file alone; give a folder that is there".to_owned(),
        false => format!("make it with `mkdir -p {}`, or give another path", folder.display()),
    };
    Some(Diagnostic::error("file-not-found", at_path(), rule).help(help))
}

fn unknown_ending(path: &FilePath) -> Option<Diagnostic> {
    if Ending::of(path).is_some() || path.is_dir() {
        return None;
    }
    let rule = match path.extension() {
        Some(ending) => format!("files that end in .{} are not written", ending.to_string_lossy()),
        None => format!("\"{}\" has no ending that says what is to be in it", file_name(path)),
    };
    Some(Diagnostic::error("bad-name", at_path(), rule).help(format!("name it {ENDINGS}")))
}

/// Whether the name differs from one time to another.
pub fn is_dated(path: &FilePath) -> bool {
    parts(&file_name(path)).is_ok_and(|parts| parts.iter().any(|part| matches!(part, Part::Field(..))))
}

/// What the file is called at `now`. A name that [`check`] refuses stays as it is.
pub fn at(path: &FilePath, now: &Zoned) -> PathBuf {
    let Ok(parts) = parts(&file_name(path)) else { return path.to_owned() };
    let shown = parts.iter().map(|part| match part {
        Part::Char(c) => c.to_string(),
        Part::Field(field, _) => now.strftime(&format!("%{field}")).to_string(),
    });
    path.with_file_name(shown.collect::<String>())
}

/// Whether `name` is one that [`at`] could give for `path` at some time, with a number or without.
pub fn could_be(path: &FilePath, name: &str) -> bool {
    let Ok(parts) = parts(&file_name(path)) else { return false };
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    let Some(mut rest) = name.strip_suffix(&ending) else { return false };
    for part in &parts[..parts.len().saturating_sub(ending.chars().count())] {
        let after = match part {
            Part::Char(c) => rest.strip_prefix(*c),
            Part::Field(_, digits) => {
                let digits = rest.get(..*digits).filter(|d| d.bytes().all(|byte| byte.is_ascii_digit()));
                digits.map(|digits| &rest[digits.len()..])
            }
        };
        let Some(after) = after else { return false };
        rest = after;
    }
    rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
}

/// `front.mp4` with `mark` 2: `front-2.mp4`. The ending stays, so that it still plays.
pub fn marked(path: &FilePath, mark: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}{mark}{ending}"))
}

/// `path`, then `path` with 2, 3, …
pub fn numbered(path: &FilePath) -> impl Iterator<Item = PathBuf> {
    let more = (2..10_000).map(|number| marked(path, &format!("-{number}")));
    std::iter::once(path.to_owned()).chain(more)
}

pub fn file_name(path: &FilePath) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

enum Part {
    Char(char),
    /// And its digits.
    Field(char, usize),
}

/// # Errors
/// The first field that is none.
fn parts(name: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '%' => match chars.next() {
                Some('%') => Part::Char('%'),
                Some(field) => match FIELDS.iter().find(|(known, _)| *known == field) {
                    Some((field, digits)) => Part::Field(*field, *digits),
                    None => return Err(format!("%{field}")),
                },
                None => return Err("%".to_owned()),
            },
            c => Part::Char(c),
        });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str, path: &str) -> String {
        let now: Zoned = text.parse().unwrap();
        at(FilePath::new(path), &now).to_string_lossy().into_owned()
    }

    #[test]
    fn fields_are_the_time_where_the_machine_is_and_two_percent_signs_are_one() {
        let now = "2026-03-07T08:05:09+01:00[Europe/Berlin]";
        assert_eq!(on(now, "a%Y/front-%Y%m%d-%H%M%S.mp4"), "a%Y/front-20260307-080509.mp4");
        assert_eq!(on(now, "100%%-%j-%y.h264"), "100%-066-26.h264");
        assert_eq!(on(now, "plain.y4m"), "plain.y4m");
        let is = |path: &str| is_dated(FilePath::new(path));
        assert!(is("%S.mp4") && !is("%%S.mp4") && !is("%Y/a.mp4"));
    }

    #[test]
    fn what_an_earlier_run_called_its_file_is_known_by_its_digits() {
        let could = |name: &str| could_be(FilePath::new("in/front-%Y%m%d.mp4"), name);
        assert!(could("front-20260307.mp4") && could("front-20260307-12.mp4"));
        for other in
            ["front-2026030.mp4", "front-yesterday.mp4", "front-20260307.h264", "front-20260307-b.mp4"]
        {
            assert!(!could(other), "{other}");
        }
        assert!(could_be(FilePath::new("100%%.mp4"), "100%.mp4"));
    }

    #[test]
    fn names_that_are_taken_get_a_number_before_their_ending() {
        let names: Vec<_> = numbered(FilePath::new("a/front.mp4")).take(3).collect();
        assert_eq!(names, ["a/front.mp4", "a/front-2.mp4", "a/front-3.mp4"].map(PathBuf::from));
    }
}
