//! Offering: sets up the `rtc` stack for a server that we publish to, and reads its answer.
//!
//! What differs from answering a viewer is who speaks first; settings and codec are `answer`'s.

use std::time::Instant;

use rtc::interceptor::{Registry, Slot};
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::shared::error::Error;

use crate::relay::answer::{
    Identity, Latency, Reach, local_sdp, media, names, random_text, ssrcs, stack, tell_candidates, track,
};
use crate::relay::candidate;
use crate::relay::far::Transport;
use crate::relay::feedback::{Reports, Tap};
use crate::relay::offer::{self, Codec};
use crate::relay::peer::{Peer, Way};
use crate::relay::profile::Profile;

/// An offer that has not been answered.
pub struct Invitation {
    /// To be sent to the server.
    pub sdp: String,
    by: Transport,
    stack: RTCPeerConnection,
    video: RTCRtpSenderId,
    ssrcs: (u32, u32),
    fragment: String,
    reports: Reports,
}

/// Offers a stream of `profile`, whose media is to go by one of the two alone. Both at once would be one too
/// many for the stack: at a server that has them on one port it takes answers by TCP for answers by UDP.
///
/// # Errors
/// What the stack said.
pub fn invite(
    now: Instant,
    profile: Profile,
    identity: &Identity,
    reach: &Reach,
    by: Transport,
) -> Result<Invitation, String> {
    offered(now, profile, identity, reach, by).map_err(|error| error.to_string())
}

impl Invitation {
    /// The connection by the server's answer.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub fn accept(mut self, now: Instant, answer: &str) -> Result<Peer, String> {
        if !answer.trim_start().starts_with("v=0") {
            return Err("its answer is not SDP".to_owned());
        }
        let accepted = self.accepted(now, answer);
        accepted.map_err(|error| format!("its answer cannot be used: {error}"))?;
        let (ssrc, rtx_ssrc) = self.ssrcs;
        let names = names(&mut self.stack, self.video, ssrc, rtx_ssrc)
            .map_err(|_| "its answer takes no H.264 of our kind".to_owned())?;
        let way = Way::Out { video: self.video, names };
        Ok(Peer::new(self.stack, way, self.fragment, self.reports))
    }

    fn accepted(&mut self, now: Instant, answer: &str) -> Result<(), Error> {
        let wanted = match self.by {
            Transport::Udp => candidate::is_usable,
            Transport::Tcp => candidate::is_passive,
        };
        let answer = RTCSessionDescription::answer(offer::with_candidates(answer, wanted))?;
        self.stack.set_remote_description(now, answer)
    }
}

/// Whether a server that answers like this waits for TCP as well.
pub fn takes_tcp(answer: &str) -> bool {
    answer.lines().filter_map(|line| line.strip_prefix("a=candidate:")).any(candidate::is_passive)
}

fn offered(
    now: Instant,
    profile: Profile,
    identity: &Identity,
    reach: &Reach,
    by: Transport,
) -> Result<Invitation, Error> {
    let (ssrc, rtx_ssrc) = ssrcs();
    let (fragment, reports) = (random_text(16), Reports::default());
    let codec = codec(profile);
    let registry = Registry::new().with(Slot::from(14_000), Tap::new(reports.clone(), ssrc));
    let mut stack = stack(now, identity, media(&codec, Latency::Balanced)?, registry, &fragment)?;
    let video = stack.add_track(track(&codec, ssrc, rtx_ssrc))?;
    let local = stack.create_offer(None)?;
    stack.set_local_description(now, local)?;
    // Nobody connects to us, wherever else we are known.
    let elsewhere = if by == Transport::Tcp { &Reach::default() } else { reach };
    match by {
        Transport::Udp => tell_candidates(&mut stack, reach.own_candidates())?,
        Transport::Tcp => tell_candidates(&mut stack, reach.active_candidates())?,
    }
    // We only send; the stack offers both ways for a track.
    let sdp = local_sdp(&stack, elsewhere)?.replace("a=sendrecv", "a=sendonly");
    Ok(Invitation { sdp, by, stack, video, ssrcs: (ssrc, rtx_ssrc), fragment, reports })
}

fn codec(profile: Profile) -> Codec {
    // `profile_idc` and constraints as RFC 6184 §8.1 writes them; level 3.1 is what all take, and
    // asymmetry is allowed.
    let id = match profile {
        Profile::ConstrainedBaseline | Profile::Other => "42e01f",
        Profile::Baseline => "42001f",
        Profile::Main => "4d001f",
        Profile::High => "64001f",
    };
    Codec {
        payload_type: 102,
        fmtp: format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={id}"),
        rtx: Some(103),
    }
}
