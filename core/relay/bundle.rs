//! Sections of an offer that we have nothing to send in and that the picture's transport hangs on.
//!
//! A browser told `bundlePolicy: "max-bundle"` has one transport for all sections, and it is that of the first
//! (the offerer-tagged one, RFC 9143 §7.2). Where that is sound and we turn it down, Chromium finds the picture
//! without a transport and refuses the answer. So what shares the picture's ICE credentials is agreed to and not
//! used (`inactive`), by the first codec it offers.

use super::offer::{Section, sections};

/// `answer`, the answer to `offer`, with what comes before the picture and shares its transport held open.
pub(super) fn held_open(offer: &str, answer: &str) -> String {
    let offered: Vec<Section<'_>> = sections(offer).collect();
    let answered: Vec<Section<'_>> = sections(answer).collect();
    let taken = answered.iter().position(|section| !is_turned_down(section));
    let Some((taken, picture)) = taken.map(|taken| (taken, &answered[taken])) else {
        return answer.to_owned();
    };
    let transport = offered.get(taken).and_then(|section| section.value("ice-ufrag"));
    let shares = |index: usize| {
        let section = offered.get(index).filter(|section| matches!(section.media, "audio" | "video"))?;
        (transport.is_some() && section.value("ice-ufrag") == transport).then_some(section)
    };
    let candidates = answered.iter().flat_map(|section| section.lines.iter().copied());
    let candidates: Vec<&str> = candidates.filter(|line| is_candidate(line)).collect();
    let held: Vec<Option<String>> = (0..answered.len())
        .map(|index| (index < taken).then(|| shares(index)).flatten())
        .map(|section| section.map(|section| inactive(section, picture, &candidates)))
        .collect();
    if held.iter().all(Option::is_none) {
        return answer.to_owned();
    }
    let is_open =
        |(index, section): &(usize, &Section<'_>)| held[*index].is_some() || !is_turned_down(section);
    let open = answered.iter().enumerate().filter(is_open);
    let mids: Vec<&str> = open.filter_map(|(_, section)| section.value("mid")).collect();
    let mut text = String::new();
    for line in answer.lines().map(str::trim_end).take_while(|line| !line.starts_with("m=")) {
        match line.starts_with("a=group:BUNDLE") {
            true => text.push_str(&format!("a=group:BUNDLE {}\r\n", mids.join(" "))),
            false => text.push_str(&format!("{line}\r\n")),
        }
    }
    for (section, held) in answered.iter().zip(&held) {
        match held {
            Some(held) => text.push_str(held),
            None => {
                text.push_str(&format!("m={}\r\n", section.line));
                section.lines.iter().for_each(|line| text.push_str(&format!("{line}\r\n")));
            }
        }
    }
    text
}

fn is_turned_down(section: &Section<'_>) -> bool {
    section.line.split(' ').nth(1) == Some("0")
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates")
}

/// `section` as it is agreed to and not used, on the transport of `picture`. With all candidates, wherever they
/// were told: of a transport the browser takes those of its first section only.
fn inactive(section: &Section<'_>, picture: &Section<'_>, candidates: &[&str]) -> String {
    let words: Vec<&str> = section.line.split(' ').collect();
    let (protocol, codec) = (words.get(2).copied().unwrap_or_default(), words.get(3).copied().unwrap_or("0"));
    let mut text = format!("m={} 9 {protocol} {codec}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n", section.media);
    let map = format!("a=rtpmap:{codec} ");
    let own = section.lines.iter().filter(|line| line.starts_with("a=mid:") || line.starts_with(&map));
    let shared = ["a=setup:", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=rtcp-mux"];
    let shared = picture.lines.iter().filter(|line| shared.iter().any(|start| line.starts_with(start)));
    own.chain(shared).chain(candidates).for_each(|line| text.push_str(&format!("{line}\r\n")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=group:BUNDLE 1\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n\
        a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 8189 typ host\r\nm=video 9 UDP/TLS/RTP/SAVPF 108\r\n\
        a=setup:passive\r\na=mid:1\r\na=ice-ufrag:ours\r\na=ice-pwd:secret\r\na=rtcp-mux\r\na=sendonly\r\n\
        m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:2\r\n";

    fn offer(of_sound: &str) -> String {
        let section = |media: &str, mid: u8, ufrag: &str, codec: &str| {
            format!(
                "m={media} 9 UDP/TLS/RTP/SAVPF {codec}\r\na=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\na=rtpmap:{codec} x/1\r\n"
            )
        };
        let sound = section("audio", 0, of_sound, "111");
        format!("v=0\r\n{sound}{}{}", section("video", 1, "one", "108"), section("audio", 2, "one", "111"))
    }

    #[test]
    fn what_the_picture_hangs_on_is_agreed_to_and_not_used() {
        let held = held_open(&offer("one"), ANSWER);
        let sections: Vec<Section<'_>> = sections(&held).collect();
        assert!(
            held.starts_with("v=0\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"),
            "{held}"
        );
        for (name, value) in
            [("mid", "0"), ("ice-ufrag", "ours"), ("ice-pwd", "secret"), ("setup", "passive")]
        {
            assert_eq!(sections[0].value(name), Some(value), "{held}");
        }
        assert!(
            sections[0].has("inactive")
                && sections[0].has("rtcp-mux")
                && sections[0].value("candidate").is_some()
        );
        assert_eq!(sections[0].value("rtpmap"), Some("111 x/1"));
        assert!(sections[1].has("sendonly") && is_turned_down(&sections[2]), "{held}");
    }

    #[test]
    fn what_has_a_transport_of_its_own_is_turned_down() {
        assert_eq!(held_open(&offer("another"), ANSWER), ANSWER);
        assert_eq!(held_open("v=0\r\n", ANSWER), ANSWER);
        assert_eq!(held_open(&offer("one"), "v=0\r\n"), "v=0\r\n");
    }
}
