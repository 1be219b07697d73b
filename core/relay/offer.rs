//! Reading a viewer's SDP offer: does it ask for video, and which of its H.264 suits the stream?
//!
//! Owns the choice of payload type and what is let through to the WebRTC stack: candidates it
//! cannot use, or too many of them, are left out. Everything here comes from strangers.

use super::candidate;
use super::profile::Profile;
use super::refusal::Refusal;

/// The longest SDP read.
pub const MOST_BYTES: usize = 128 * 1024;

/// An offer that can be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The offer with unusable candidates left out, and of its pictures only the way to the viewer left.
    pub sdp: String,
    pub video: Codec,
}

/// The H.264 entry chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Codec {
    pub payload_type: u8,
    /// As the offer has it.
    pub fmtp: String,
    /// The payload type that repairs it, where the offer has one.
    pub rtx: Option<u8>,
}

impl Offer {
    /// # Errors
    /// [`Refusal::BadSdp`] and [`Refusal::NoH264`], saying what is wrong.
    pub fn read(sdp: &str, stream: Profile) -> Result<Offer, Refusal> {
        check(sdp)?;
        let Some(video) = sections(sdp).find(|section| section.media == "video") else {
            return Err(Refusal::NoH264("it asks for no video".to_owned()));
        };
        if matches!(direction(sdp, &video), "sendonly" | "inactive") {
            let why = "its video is not to be received; a viewer offers recvonly";
            return Err(Refusal::BadSdp(why.to_owned()));
        }
        let video = video.codec(stream)?;
        Ok(Offer { sdp: received(&usable(sdp)), video })
    }
}

/// # Errors
/// [`Refusal::BadSdp`] for what is not SDP at all.
pub(super) fn check(sdp: &str) -> Result<(), Refusal> {
    let bad = |why: &str| Err(Refusal::BadSdp(why.to_owned()));
    if sdp.len() > MOST_BYTES {
        return bad("it is longer than 128 KiB");
    }
    if !sdp.trim_start().starts_with("v=0") {
        return bad("it does not begin with v=0");
    }
    Ok(())
}

/// One media section, without line ends.
pub(super) struct Section<'a> {
    pub media: &'a str,
    /// What stands after `m=`.
    pub line: &'a str,
    /// Those that follow it.
    pub lines: Vec<&'a str>,
}

pub(super) fn sections(sdp: &str) -> impl Iterator<Item = Section<'_>> {
    let mut sections: Vec<Section<'_>> = vec![];
    for line in sdp.lines().map(str::trim_end) {
        match line.strip_prefix("m=") {
            Some(line) => {
                sections.push(Section { media: line.split(' ').next().unwrap_or(""), line, lines: vec![] })
            }
            None => sections.iter_mut().last().into_iter().for_each(|section| section.lines.push(line)),
        }
    }
    sections.into_iter()
}

const DIRECTIONS: [&str; 4] = ["sendrecv", "recvonly", "sendonly", "inactive"];

/// Which way the media of `section` may go: it says so itself, or its `sdp` does for all, or it is both ways
/// (RFC 8866 §6.7).
fn direction(sdp: &str, section: &Section<'_>) -> &'static str {
    let of_all = |name: &str| before_sections(sdp).any(|line| line.strip_prefix("a=") == Some(name));
    let own = DIRECTIONS.into_iter().find(|name| section.has(name));
    own.or_else(|| DIRECTIONS.into_iter().find(|name| of_all(name))).unwrap_or("sendrecv")
}

/// `sdp` whose pictures are to be received and not to be sent as well: we only send, and the stack would agree
/// to both ways.
fn received(sdp: &str) -> String {
    let mut lines: Vec<String> = before_sections(sdp).map(str::to_owned).collect();
    for section in sections(sdp) {
        let both_ways = section.media == "video" && direction(sdp, &section) == "sendrecv";
        lines.push(format!("m={}", section.line));
        let rest = section.lines.iter().filter(|line| !both_ways || **line != "a=sendrecv");
        lines.extend(rest.map(|line| (*line).to_owned()));
        lines.extend(both_ways.then(|| "a=recvonly".to_owned()));
    }
    lines.iter().flat_map(|line| [line, "\r\n"]).collect()
}

fn before_sections(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines().map(str::trim_end).take_while(|line| !line.starts_with("m="))
}

impl<'a> Section<'a> {
    pub fn has(&self, attribute: &str) -> bool {
        self.lines.iter().any(|line| line.strip_prefix("a=") == Some(attribute))
    }

    /// What `a=<name>:` says first.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.lines.iter().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
    }

    /// Payload type and rest of each `a=<name>:<payload type> <rest>`.
    fn by_payload_type(&self, name: &'static str) -> impl Iterator<Item = (u8, &'a str)> + '_ {
        self.lines.iter().filter_map(move |line| {
            let (payload_type, rest) =
                line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')?.split_once(' ')?;
            Some((payload_type.parse().ok()?, rest.trim()))
        })
    }

    fn fmtp(&self, payload_type: u8) -> &'a str {
        self.by_payload_type("fmtp").find(|(of, _)| *of == payload_type).map_or("", |(_, fmtp)| fmtp)
    }

    fn encoded_as(&self, encoding: &'static str) -> impl Iterator<Item = u8> + '_ {
        self.by_payload_type("rtpmap").filter_map(move |(payload_type, map)| {
            let name = map.split('/').next()?;
            name.eq_ignore_ascii_case(encoding).then_some(payload_type)
        })
    }

    /// The entry that suits a stream of profile `stream` best.
    pub fn codec(&self, stream: Profile) -> Result<Codec, Refusal> {
        let lacks = |why: &str| Err(Refusal::NoH264(why.to_owned()));
        let offered: Vec<(u8, &str)> =
            self.encoded_as("H264").map(|payload_type| (payload_type, self.fmtp(payload_type))).collect();
        if offered.is_empty() {
            return lacks("its video has no H264 entry");
        }
        let cut = offered.iter().filter(|(_, fmtp)| parameter(fmtp, "packetization-mode") == Some("1"));
        let mut cut = cut.peekable();
        if cut.peek().is_none() {
            return lacks("none of its H264 entries has packetization-mode=1");
        }
        let best = cut
            .filter_map(|(payload_type, fmtp)| Some((stream.fit(profile(fmtp))?, *payload_type, *fmtp)))
            .min_by_key(|(fit, ..)| *fit);
        let Some((_, payload_type, fmtp)) = best else {
            return lacks("none of its H264 profiles will do; offer constrained baseline (42e01f)");
        };
        Ok(Codec { payload_type, fmtp: fmtp.to_owned(), rtx: self.rtx(payload_type) })
    }

    fn rtx(&self, payload_type: u8) -> Option<u8> {
        let apt = payload_type.to_string();
        self.encoded_as("rtx").find(|rtx| parameter(self.fmtp(*rtx), "apt") == Some(apt.as_str()))
    }
}

fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// An entry without `profile-level-id` means plain baseline (RFC 6184 §8.1).
fn profile(fmtp: &str) -> Profile {
    let Some(id) = parameter(fmtp, "profile-level-id") else { return Profile::Baseline };
    match u32::from_str_radix(id, 16) {
        Ok(id) if id <= 0xff_ffff => Profile::of((id >> 16) as u8, (id >> 8) as u8),
        _ => Profile::Other,
    }
}

/// `sdp` without candidates that cannot be used, and without too many.
pub(super) fn usable(sdp: &str) -> String {
    with_candidates(sdp, candidate::is_usable)
}

/// `sdp` with candidates that are `wanted` alone, and not too many.
pub(super) fn with_candidates(sdp: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut candidates = 0;
    let mut text = String::with_capacity(sdp.len() + 64);
    for line in sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if let Some(text) = line.strip_prefix("a=candidate:") {
            candidates += 1;
            if candidates > candidate::MOST || !wanted(text) {
                continue;
            }
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(lines: &[&str]) -> String {
        let mut sdp = String::from("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        sdp.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=recvonly\r\n");
        lines.iter().for_each(|line| sdp.extend([line, "\r\n"]));
        sdp
    }

    fn read(lines: &[&str]) -> Result<Offer, Refusal> {
        Offer::read(&offer(lines), Profile::ConstrainedBaseline)
    }

    #[test]
    fn the_matching_profile_is_chosen_among_many_with_its_repair_type() {
        let chosen = read(&[
            "a=rtpmap:96 VP8/90000",
            "a=rtpmap:97 H264/90000",
            "a=fmtp:97 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
            "a=rtpmap:98 H264/90000",
            "a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            "a=rtpmap:99 H264/90000",
            "a=fmtp:99 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
            "a=rtpmap:100 rtx/90000",
            "a=fmtp:100 apt=98",
        ]);
        let video = chosen.unwrap().video;
        assert_eq!((video.payload_type, video.rtx), (98, Some(100)));
    }

    #[test]
    fn a_wider_decoder_is_taken_when_there_is_no_exact_one() {
        let lines = ["a=rtpmap:97 h264/90000", "a=fmtp:97 packetization-mode=1; profile-level-id=640c1f"];
        assert_eq!(read(&lines).unwrap().video.payload_type, 97);
    }

    #[test]
    fn what_cannot_be_served_is_refused_with_the_reason() {
        let reason = |lines: &[&str]| read(lines).unwrap_err().to_string();
        assert!(reason(&["a=rtpmap:96 VP8/90000"]).contains("no H264 entry"));
        assert!(reason(&["a=rtpmap:96 H264/90000"]).contains("packetization-mode=1"));
        let high = ["a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1;profile-level-id=f4001f"];
        assert!(reason(&high).contains("constrained baseline"));
        let unread = |sdp: &str| Offer::read(sdp, Profile::ConstrainedBaseline).unwrap_err();
        assert!(matches!(unread("hello"), Refusal::BadSdp(_)));
        assert!(matches!(unread(&"v=0\n".repeat(100_000)), Refusal::BadSdp(_)));
        assert!(matches!(unread("v=0\r\n"), Refusal::NoH264(_)));
        assert!(matches!(unread(&offer(&[]).replace("recvonly", "sendonly")), Refusal::BadSdp(_)));
    }

    #[test]
    fn candidates_that_cannot_be_tried_are_left_out() {
        let mut lines = vec![
            "a=rtpmap:97 H264/90000",
            "a=fmtp:97 packetization-mode=1;profile-level-id=42e01f",
            "a=candidate:1 1 udp 1 0b5ab3f6-1.local 5000 typ host",
            "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        ];
        lines.extend(["a=candidate:1 1 udp 1 192.0.2.1 5000 typ host"; 100]);
        let sdp = read(&lines).unwrap().sdp;
        assert_eq!(sdp.matches("a=candidate:").count(), candidate::MOST - 2);
        assert!(!sdp.contains("local 5000") && !sdp.contains("tcp"));
    }
}
