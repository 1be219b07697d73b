//! Which files a path means, and in which order they are shown.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// The pictures of a folder, a pattern or a single file, in order.
///
/// # Errors
/// A sentence, when there are none.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{} cannot be read: {error}", path.display());
    let mut files: Vec<PathBuf> = if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| named(&error))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let all: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(|error| named(&error))?;
        all.into_iter().filter(|path| is_picture(path)).collect()
    } else if path.exists() {
        vec![path.to_owned()]
    } else {
        let pattern = path.to_str().ok_or_else(|| named(&"its name is not UTF-8"))?;
        let found = glob::glob(pattern).map_err(|error| named(&error))?;
        found.filter_map(Result::ok).filter(|path| path.is_file()).collect()
    };
    if files.is_empty() {
        return Err(match path.is_dir() {
            true => format!("{} holds no .jpg, .jpeg or .png file", path.display()),
            false => format!("there is no file {}", path.display()),
        });
    }
    files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_ascii_lowercase());
    end.is_some_and(|end| ["jpg", "jpeg", "png"].iter().any(|known| end == *known)) && path.is_file()
}

/// Runs of digits are compared as numbers, so that 2 comes before 10.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) {
        let both = x.is_ascii_digit() && y.is_ascii_digit();
        let (next_left, next_right, order) = if both {
            let ((x, left), (y, right)) = (digits(left), digits(right));
            (left, right, x.len().cmp(&y.len()).then(x.cmp(y)))
        } else {
            (&left[x.len_utf8()..], &right[y.len_utf8()..], x.cmp(&y))
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (next_left, next_right);
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The digits that `text` begins with, leading zeros left out, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_sorted_as_numbers() {
        let mut names = ["b1", "a10", "a2", "a002", "a", "a2b", "ä1", "a20"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "a002", "a2", "a2b", "a10", "a20", "b1", "ä1"]);
    }

    #[test]
    fn a_folder_a_pattern_and_a_file_are_all_taken() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["10.jpg", "9.JPEG", "x.png", "note.txt"] {
            std::fs::write(at(name), "").unwrap();
        }
        let names = |path: &Path| -> Vec<String> {
            let files = files(path).unwrap();
            files.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(folder.path()), ["9.JPEG", "10.jpg", "x.png"]);
        assert_eq!(names(&at("*.jp*")), ["10.jpg"]);
        assert_eq!(names(&at("x.png")), ["x.png"]);
        assert!(files(&at("*.gif")).unwrap_err().ends_with("*.gif"));
        std::fs::create_dir(at("empty")).unwrap();
        assert!(files(&at("empty")).unwrap_err().ends_with("holds no .jpg, .jpeg or .png file"));
    }
}
