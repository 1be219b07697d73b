//! What comes from a publisher, and what is said back to it: packets in, requests out.
//!
//! Receiver reports and the arrival times that a sender's congestion control goes by are made by
//! links of the stack's chain.

use std::time::Instant;

use rtc::peer_connection::message::RTCMessage;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};

use super::{Happening, Packet, Peer, Way};

/// What we are called in what we report: we send no media that would have a name of its own.
const OURS: u32 = 1;

/// A packet of media in `message`, if media is to come that way.
pub(super) fn packet(way: &Way, message: RTCMessage) -> Option<Happening> {
    let (Way::In { .. }, RTCMessage::RtpPacket(_, packet)) = (way, message) else { return None };
    let header = packet.header;
    Some(Happening::Packet(Packet {
        ssrc: header.ssrc,
        number: header.sequence_number,
        time: header.timestamp,
        marker: header.marker,
        payload: packet.payload,
    }))
}

impl Peer {
    /// Asks for packets of `ssrc` again (RFC 4585 §6.2.1).
    pub fn ask_again(&mut self, now: Instant, ssrc: u32, numbers: &[u16]) {
        let nacks = nack_pairs_from_sequence_numbers(numbers);
        let missing = TransportLayerNack { sender_ssrc: OURS, media_ssrc: ssrc, nacks };
        self.write(now, RTCMessage::RtcpPacket(String::new(), vec![Box::new(missing)]));
    }

    /// Asks for a keyframe of `ssrc` (RFC 4585 §6.3.1).
    pub fn ask_for_keyframe(&mut self, now: Instant, ssrc: u32) {
        let lost = PictureLossIndication { sender_ssrc: OURS, media_ssrc: ssrc };
        self.write(now, RTCMessage::RtcpPacket(String::new(), vec![Box::new(lost)]));
    }
}
