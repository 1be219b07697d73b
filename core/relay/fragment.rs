//! Reading a trickle fragment (RFC 8840): candidates that come after the offer.

use super::offer::MOST_BYTES;
use super::refusal::Refusal;

/// What a fragment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// The user name fragment of the ICE session it belongs to, if it names one.
    pub user: Option<String>,
    /// Without `a=candidate:`.
    pub candidates: Vec<String>,
}

impl Fragment {
    /// # Errors
    /// [`Refusal::BadFragment`] for what is not a fragment.
    pub fn read(text: &str) -> Result<Fragment, Refusal> {
        let bad = |why: String| Refusal::BadFragment(why);
        if text.len() > MOST_BYTES {
            return Err(bad("it is longer than 128 KiB".to_owned()));
        }
        let mut fragment = Fragment::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if !matches!(line.as_bytes(), [b'a'..=b'z', b'=', ..]) {
                return Err(bad(format!("\"{}\" is not a line of it", shortened(line))));
            }
            if let Some(candidate) = line.strip_prefix("a=candidate:") {
                fragment.candidates.push(candidate.to_owned());
            } else if let Some(user) = line.strip_prefix("a=ice-ufrag:") {
                fragment.user = Some(user.to_owned());
            }
        }
        Ok(fragment)
    }
}

/// The ICE user name fragment of a whole SDP.
pub fn user_of(sdp: &str) -> Option<String> {
    sdp.lines().find_map(|line| line.trim_end().strip_prefix("a=ice-ufrag:")).map(str::to_owned)
}

/// Whether `if_match` (RFC 9110 §13.1.1) names `tag`.
pub fn matches_tag(if_match: &str, tag: &str) -> bool {
    if_match.split(',').map(str::trim).any(|one| one == "*" || one == tag)
}

fn shortened(line: &str) -> String {
    line.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_and_their_session_are_read() {
        let fragment = Fragment::read(
            "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
             a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n",
        );
        let fragment = fragment.unwrap();
        assert_eq!(fragment.user.as_deref(), Some("EsAw"));
        assert_eq!(fragment.candidates, ["1387637174 1 udp 2122260223 192.0.2.1 61764 typ host"]);
    }

    #[test]
    fn what_is_not_a_fragment_is_refused() {
        assert!(matches!(Fragment::read("{\"candidate\": 1}"), Err(Refusal::BadFragment(_))));
        assert_eq!(Fragment::read(""), Ok(Fragment::default()));
    }

    #[test]
    fn a_tag_is_matched_whole_among_several_or_by_a_star() {
        assert!(matches_tag("\"a\", \"b\"", "\"b\""));
        assert!(matches_tag("*", "\"b\""));
        assert!(!matches_tag("b", "\"b\""));
        assert!(!matches_tag("W/\"b\"", "\"b\""));
    }
}
