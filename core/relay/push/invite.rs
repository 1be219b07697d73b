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
use crate::relay::feedback::{Reports, Tap};
use crate::relay::offer::{self, Codec};
use crate::relay::peer::{Peer, Way};
use crate::relay::profile::Profile;

/// An offer that has not been answered.
pub struct Invitation {
    /// To be sent to the server.
    pub sdp: String,
    stack: RTCPeerConnection,
    video: RTCRtpSenderId,
    ssrcs: (u32, u32),
    fragment: String,
    reports: Reports,
}

/// Offers a stream of `profile`.
///
/// # Errors
/// What the stack said.
pub fn invite(
    now: Instant,
    profile: Profile,
    identity: &Identity,
    reach: &Reach,
) -> Result<Invitation, String> {
    offered(now, profile, identity, reach).map_err(|error| error.to_string())
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
        let answer = RTCSessionDescription::answer(offer::usable(answer))?;
        self.stack.set_remote_description(now, answer)
    }
}

fn offered(now: Instant, profile: Profile, identity: &Identity, reach: &Reach) -> Result<Invitation, Error> {
    let (ssrc, rtx_ssrc) = ssrcs();
    let (fragment, reports) = (random_text(16), Reports::default());
    let codec = codec(profile);
    let registry = Registry::new().with(Slot::from(14_000), Tap::new(reports.clone(), ssrc));
    let mut stack = stack(now, identity, media(&codec, Latency::Balanced)?, registry, &fragment)?;
    let video = stack.add_track(track(&codec, ssrc, rtx_ssrc))?;
    let local = stack.create_offer(None)?;
    stack.set_local_description(now, local)?;
    tell_candidates(&mut stack, reach)?;
    // We only send; the stack offers both ways for a track.
    let sdp = local_sdp(&stack, reach)?.replace("a=sendrecv", "a=sendonly");
    Ok(Invitation { sdp, stack, video, ssrcs: (ssrc, rtx_ssrc), fragment, reports })
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
