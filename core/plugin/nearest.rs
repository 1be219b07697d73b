//! "Did you mean": the known name that looks most like what was written.

/// The known name nearest to `written`, if one is near enough to be meant.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(written, name);
    let near = |name: &&str| distance(name) <= 1 + written.chars().count() / 4;
    known.filter(near).min_by_key(|name| distance(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_meant_is_suggested() {
        let known = ["motion", "overlay", "grayscale"];
        assert_eq!(nearest("moton", known.into_iter()), Some("motion"));
        assert_eq!(nearest("greyscale", known.into_iter()), Some("grayscale"));
        assert_eq!(nearest("faces", known.into_iter()), None);
    }
}
