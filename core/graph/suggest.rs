//! "Did you mean": the known name nearest to one that is not known.

/// The nearest of `known`, if any is near enough to be meant.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let budget = (written.chars().count() + 1) / 3;
    let near = known.into_iter().filter_map(|name| {
        // Names of very different lengths cannot be near, unless one begins with the other.
        let starts = written.len() >= 3 && (name.starts_with(&written) || written.starts_with(name));
        let apart = name.len().abs_diff(written.len());
        let distance = match apart <= budget {
            true => strsim::damerau_levenshtein(&written, &name.to_lowercase()),
            false => usize::MAX,
        };
        (distance <= budget || starts).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// A help line: the nearest name if there is one, and where to find all of them.
pub(super) fn help<'a>(written: &str, known: impl IntoIterator<Item = &'a str>, all: &str) -> String {
    match nearest(written, known) {
        Some(name) => format!("did you mean \"{name}\"? {all}"),
        None => all.to_owned(),
    }
}

/// `"a", "b" and "c"`, cut to a readable length.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    match &quoted[..] {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [rest @ .., last] if quoted.len() <= 24 => format!("{} and {last}", rest.join(", ")),
        many => format!("{} and {} more", many[..20].join(", "), many.len() - 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_none() {
        let kinds = ["h264", "relay", "test_pattern", "scale"];
        assert_eq!(nearest("h264_encoder", kinds), Some("h264"));
        assert_eq!(nearest("realy", kinds), Some("relay"));
        assert_eq!(nearest("TestPattern", kinds), Some("test_pattern"));
        assert_eq!(nearest("banana", kinds), None);
        assert_eq!(nearest("file", ["size"]), None);
        assert_eq!(nearest("", kinds), None);
    }
}
