//! Answering a publisher's offer: sets up the `rtc` stack to receive its video.
//!
//! What differs from answering a viewer is the way media goes; settings and codec are those of
//! `relay::answer`.

use std::time::Instant;

use rtc::interceptor::{ReceiverReportBuilder, Registry, Slot};
use rtc::peer_connection::configuration::interceptor_registry::configure_twcc_receiver_only;
use rtc::shared::error::Error;

use super::proposal::Proposal;
use crate::relay::answer::{Identity, Reach, agree, codecs, random_text, stack};
use crate::relay::feedback::Reports;
use crate::relay::peer::{Peer, Way};
use crate::relay::refusal::Refusal;

/// What we report: missing packets and lost pictures.
const FEEDBACK: [(&str, &str); 2] = [("nack", ""), ("nack", "pli")];

/// Answers `proposal`: the connection, waiting for the publisher's first check, and the SDP for it.
///
/// # Errors
/// [`Refusal::BadSdp`] when the stack cannot make sense of the offer.
pub fn answer(
    now: Instant,
    proposal: &Proposal,
    identity: &Identity,
    reach: &Reach,
) -> Result<(Peer, String), Refusal> {
    negotiate(now, proposal, identity, reach).map_err(|error| Refusal::BadSdp(error.to_string()))
}

fn negotiate(
    now: Instant,
    proposal: &Proposal,
    identity: &Identity,
    reach: &Reach,
) -> Result<(Peer, String), Error> {
    let fragment = random_text(16);
    let mut media = codecs(&proposal.video, &FEEDBACK)?;
    // By when packets arrived, and by how many did, a sender knows what the path can carry. What is
    // missing is asked for by `reorder`: the stack's own would ask again for what RTX has brought.
    let registry = configure_twcc_receiver_only(Registry::new(), &mut media)?
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build());
    let mut stack = stack(now, identity, media, registry, &fragment)?;
    let sdp = agree(&mut stack, now, &proposal.sdp, reach)?;
    let video = stack.get_receivers().next().ok_or(Error::ErrCodecNotFound)?;
    let peer = Peer::new(stack, Way::In { video }, fragment, Reports::default());
    Ok((peer, proposal.complete(&sdp)))
}
