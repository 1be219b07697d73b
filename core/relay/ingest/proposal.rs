//! Reading a publisher's offer: which H.264 it is to send, and what of the rest is turned down.
//!
//! Owns what is let through to the WebRTC stack, which is one section of video and nothing else, and
//! the place of everything else in the answer: one that is turned down fails nothing (RFC 9725 §4.4,
//! RFC 3264 §6). Everything here comes from strangers.

use crate::relay::bundle::held_open;
use crate::relay::offer::{self, Codec, Section};
use crate::relay::profile::Profile;
use crate::relay::refusal::Refusal;

/// An offer that can be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The offer with its first video alone, to be sent to us in one layer.
    pub sdp: String,
    pub video: Codec,
    /// As it came.
    whole: String,
    /// In the order of the offer: what is answered to each section, `None` for the video.
    sections: Vec<Option<String>>,
}

impl Proposal {
    /// # Errors
    /// [`Refusal::BadSdp`] and [`Refusal::NoH264`], saying what is wrong.
    pub fn read(sdp: &str) -> Result<Proposal, Refusal> {
        offer::check(sdp)?;
        let sections: Vec<Section<'_>> = offer::sections(sdp).collect();
        let chosen = sections.iter().position(|section| section.media == "video");
        let Some(chosen) = chosen else {
            return Err(Refusal::NoH264("it offers no video".to_owned()));
        };
        let video = &sections[chosen];
        if video.has("recvonly") || video.has("inactive") {
            let why = "its video is not to be sent; a publisher offers sendonly";
            return Err(Refusal::BadSdp(why.to_owned()));
        }
        // What browsers of every kind can watch as it is goes first.
        let codec = video.codec(Profile::ConstrainedBaseline)?;
        let answered = |(index, section): (usize, &Section<'_>)| (index != chosen).then(|| refusal(section));
        Ok(Proposal {
            sdp: offer::usable(&alone(sdp, video, &sections)),
            video: codec,
            whole: sdp.to_owned(),
            sections: sections.iter().enumerate().map(answered).collect(),
        })
    }

    /// `answer`, which is to the video alone, with all that was offered in its place.
    pub fn complete(&self, answer: &str) -> String {
        let (session, video) = answer.split_at(answer.find("\nm=").map_or(answer.len(), |end| end + 1));
        let sections = self.sections.iter().map(|section| section.as_deref().unwrap_or(video));
        held_open(&self.whole, &std::iter::once(session).chain(sections).collect::<String>())
    }
}

/// A section turned down: its own line with port 0.
fn refusal(section: &Section<'_>) -> String {
    let mut words = section.line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    words.iter_mut().skip(1).take(1).for_each(|port| *port = "0".to_owned());
    let mid = section.value("mid").map_or_else(String::new, |mid| format!("a=mid:{mid}\r\n"));
    format!("m={}\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n{mid}", words.join(" "))
}

/// The offer as if it had been made with `video` alone.
fn alone(sdp: &str, video: &Section<'_>, sections: &[Section<'_>]) -> String {
    let session = sdp.lines().map(str::trim_end).take_while(|line| !line.starts_with("m="));
    let mut lines: Vec<String> =
        session.filter(|line| !line.starts_with("a=group:")).map(str::to_owned).collect();
    if let Some(mid) = video.value("mid") {
        lines.push(format!("a=group:BUNDLE {mid}"));
    }
    // Bundled with what is turned down, it may have had no port of its own.
    let words = video.line.split(' ').enumerate().map(|(index, word)| if index == 1 { "9" } else { word });
    lines.push(format!("m={}", words.collect::<Vec<_>>().join(" ")));
    lines.push("a=sendonly".to_owned());
    let left_out = ["sendonly", "sendrecv", "bundle-only", "rid:", "simulcast:"];
    let is_left_out = |line: &str| {
        line.strip_prefix("a=").is_some_and(|line| left_out.iter().any(|start| line.starts_with(start)))
    };
    lines.extend(video.lines.iter().filter(|line| !is_left_out(line)).map(|line| (*line).to_owned()));
    // What is bundled shares candidates, and only the first has to name them.
    let others = sections.iter().filter(|section| section.line != video.line);
    let candidates = others.flat_map(|section| section.lines.iter());
    let candidates = candidates.filter(|line| line.starts_with("a=candidate:"));
    lines.extend(candidates.map(|line| (*line).to_owned()));
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Chromium makes it with sound, a picture and a data channel, shortened.
    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\n\
        a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=rtpmap:111 opus/48000/2\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96 108 109\r\nc=IN IP4 0.0.0.0\r\na=bundle-only\r\na=mid:1\r\na=sendrecv\r\n\
        a=rid:high send\r\na=simulcast:send high\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:108 H264/90000\r\n\
        a=fmtp:108 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n";

    #[test]
    fn the_video_is_taken_alone_in_one_layer_and_with_the_candidates_of_all() {
        let proposal = Proposal::read(OFFER).unwrap();
        assert_eq!((proposal.video.payload_type, proposal.video.rtx), (108, Some(109)));
        let sdp = &proposal.sdp;
        assert_eq!(sdp.matches("m=").count(), 1, "{sdp}");
        for line in [
            "a=group:BUNDLE 1",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 108 109",
            "a=sendonly",
            "a=candidate:1 1 udp",
        ] {
            assert!(sdp.contains(&format!("\r\n{line}")), "{line} in\n{sdp}");
        }
        for gone in ["sendrecv", "bundle-only", "rid:", "simulcast", "opus"] {
            assert!(!sdp.contains(gone), "{gone} in\n{sdp}");
        }
    }

    #[test]
    fn what_is_not_video_is_turned_down_in_its_place() {
        let proposal = Proposal::read(OFFER).unwrap();
        let answer =
            proposal.complete("v=0\r\na=group:BUNDLE 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 108\r\na=mid:1\r\n");
        assert_eq!(
            answer,
            "v=0\r\na=group:BUNDLE 1\r\n\
             m=audio 0 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:0\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 108\r\na=mid:1\r\n\
             m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:2\r\n"
        );
    }

    #[test]
    fn what_sends_us_nothing_is_refused_with_the_reason() {
        let refused = |sdp: &str| Proposal::read(sdp).unwrap_err();
        assert!(matches!(refused("hello"), Refusal::BadSdp(_)));
        assert!(matches!(refused(&OFFER.replace("sendrecv", "recvonly")), Refusal::BadSdp(_)));
        assert!(matches!(refused(&OFFER.replace("H264", "H265")), Refusal::NoH264(_)));
        assert!(matches!(refused(&OFFER.replace("m=video", "m=audio")), Refusal::NoH264(_)));
    }
}
