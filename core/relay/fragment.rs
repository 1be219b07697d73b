//! Trickle fragments (RFC 8840): candidates that come after the offer, or with a restart of ICE.

use super::answer::Reach;
use super::offer::MOST_BYTES;
use super::refusal::Refusal;

/// What a fragment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// The user name fragment of the ICE session it belongs to, if it names one.
    pub user: Option<String>,
    password: Option<String>,
    /// The media section its candidates are for.
    section: Option<String>,
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
            } else if let Some(password) = line.strip_prefix("a=ice-pwd:") {
                fragment.password = Some(password.to_owned());
            } else if let Some(section) = line.strip_prefix("a=mid:") {
                fragment.section = Some(section.to_owned());
            }
        }
        Ok(fragment)
    }

    /// What the other end is called and proves itself with from now on.
    ///
    /// # Errors
    /// [`Refusal::BadFragment`] when it is not all there, or too short to be a secret.
    pub fn credentials(&self) -> Result<Credentials, Refusal> {
        let given = self.user.clone().zip(self.password.clone());
        let credentials = given.map(|(user, password)| Credentials { user, password });
        credentials.filter(Credentials::are_sound).ok_or_else(|| {
            let why = "a restart of ICE brings a=ice-ufrag of 4 to 256 characters and a=ice-pwd of 22 to 256";
            Refusal::BadFragment(why.to_owned())
        })
    }

    /// The answer to a restart: what we are called from now on, and where we can be reached.
    pub fn answer(&self, ours: &Credentials, reach: &Reach) -> String {
        let Credentials { user, password } = ours;
        // What is written back is a token (RFC 8859 §5, RFC 4566 §9) or our own.
        let is_token = |section: &&str| section.bytes().all(|byte| byte.is_ascii_graphic());
        let section = self.section.as_deref().filter(is_token).unwrap_or("0");
        let mut text = format!(
            "a=ice-ufrag:{user}\r\na=ice-pwd:{password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{section}\r\n"
        );
        for candidate in reach.own_candidates().chain(reach.other_candidates()) {
            text.push_str(&format!("a=candidate:{candidate}\r\n"));
        }
        text.push_str("a=end-of-candidates\r\n");
        text
    }
}

/// What one end of an ICE session is called by, and proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: String,
}

impl Credentials {
    /// By RFC 8839 §5.4.
    fn are_sound(&self) -> bool {
        (4..=256).contains(&self.user.len()) && (22..=256).contains(&self.password.len())
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
    use std::net::SocketAddr;

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
    fn a_restart_is_answered_for_the_section_it_names() {
        let fragment = |text: &str| Fragment::read(text).unwrap();
        let whole =
            fragment("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=mid:v 1\r\na=mid:v1\r\n");
        assert_eq!(whole.credentials().unwrap().user, "EsAw");
        for lacking in ["a=ice-ufrag:EsAw\r\n", "a=ice-ufrag:EsAw\r\na=ice-pwd:short\r\n", ""] {
            assert!(matches!(fragment(lacking).credentials(), Err(Refusal::BadFragment(_))), "{lacking}");
        }
        let ours = Credentials { user: "ours".into(), password: "secret".into() };
        let (own, also) = (SocketAddr::from(([192, 0, 2, 1], 1)), SocketAddr::from(([198, 51, 100, 1], 1)));
        let reach = |own: &[SocketAddr], also: &[SocketAddr], tcp| Reach {
            own: own.into(),
            also: also.into(),
            tcp,
            here: false,
        };
        let answer = whole.answer(&ours, &reach(&[own], &[also], true));
        assert!(answer.starts_with("a=ice-ufrag:ours\r\na=ice-pwd:secret\r\nm="), "{answer}");
        assert!(
            answer.contains("\r\na=mid:v1\r\n") && answer.matches("a=candidate:").count() == 4,
            "{answer}"
        );
        assert_eq!(answer.matches("typ host tcptype passive\r\n").count(), 2, "{answer}");
        assert!(
            fragment("a=mid:v 1\r\n").answer(&ours, &reach(&[own], &[], false)).contains("\r\na=mid:0\r\n")
        );
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
