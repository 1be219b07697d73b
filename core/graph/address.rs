//! Names as a user writes them: node ids, and addresses of ports such as `motion.frames`.
//!
//! Together with `document` the only place where names are taken apart; after `resolve`
//! everything goes by index.

use super::suggest;

/// Longer ids make unreadable lists and file names.
const LONGEST_ID: usize = 64;

/// Words that mean something else where an id may stand: `--set server.listen=…`, and the fixed
/// addresses of the server beside `/ID/whep`.
pub(super) const RESERVED: [&str; 4] = ["server", "api", "metrics", "healthz"];

/// What an id may look like, for messages and the schema.
pub const ID_PATTERN: &str = "^[a-z][a-z0-9_-]*$";

/// Whether `text` may be a node's id.
pub(super) fn is_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        && text.len() <= LONGEST_ID
}

/// `text` made into an id, for a help line.
pub(super) fn as_id(text: &str) -> Option<String> {
    let bent: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .skip_while(|c| !c.is_ascii_lowercase())
        .take(LONGEST_ID)
        .collect();
    let bent = bent.trim_end_matches('_').to_owned();
    is_id(&bent).then_some(bent)
}

/// `motion` or `motion.frames` taken apart.
pub(super) fn split(written: &str) -> (&str, Option<&str>) {
    match written.split_once('.') {
        Some((node, port)) => (node, Some(port)),
        None => (written, None),
    }
}

/// A port's index by its name.
pub(super) fn port_index(name: &str, ports: &[&'static str]) -> Option<usize> {
    ports.iter().position(|port| *port == name)
}

/// Help for a port that is not there.
pub(super) fn port_help(name: &str, ports: &[&'static str], node: &str) -> String {
    let all = match ports {
        [] => format!("\"{node}\" has none"),
        [only] => format!("\"{node}\" has only \"{only}\""),
        many => format!("\"{node}\" has {}", suggest::list(many.iter().copied())),
    };
    suggest::help(name, ports.iter().copied(), &all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_small_plain_words() {
        assert!(is_id("front-door_2") && is_id("a"));
        for bad in ["", "2a", "Camera", "a.b", "ä", "a b", &"a".repeat(65)] {
            assert!(!is_id(bad), "{bad}");
        }
    }

    #[test]
    fn a_bad_id_is_bent_into_a_good_one() {
        assert_eq!(as_id("Front Door"), Some("front_door".to_owned()));
        assert_eq!(as_id("2nd.cam"), Some("nd_cam".to_owned()));
        assert_eq!(as_id("🏠"), None);
    }
}
