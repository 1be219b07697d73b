//! What is sent to a viewer: packets of its stream, sender reports, detections.
//!
//! Owns RTP headers and header extensions. A connection that media comes in by sends nothing of it.

use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use rtc::peer_connection::message::RTCMessage;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;

use super::{Names, Peer, Way};
use crate::relay::history::Shared;

/// Bytes of detections that may wait in the stack; a message more than that is skipped.
const MOST_OUTSTANDING: usize = 64 * 1024;

/// Whether a detections message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Sent,
    /// Too much is waiting already: late boxes are worse than none.
    Skipped,
    /// The viewer has no channel for it.
    NoChannel,
}

impl Peer {
    /// Sends one packet of the stream under `number`. The first packet of a picture carries its
    /// capture time as NTP time.
    pub fn send(&mut self, now: Instant, packet: &Shared, number: u16, captured: Option<u64>) {
        let Way::Out { names, .. } = &self.way else { return };
        let mut header = names.header(packet, number);
        if let Some(captured) = captured {
            names.describe(&mut header, captured);
        }
        self.write_rtp(now, rtp::Packet { header, payload: packet.payload.clone() });
    }

    /// Sends a packet again (RFC 4588): under RTX where the viewer takes it, else as it was.
    pub fn resend(&mut self, now: Instant, packet: &Shared, number: u16) {
        let Way::Out { names, .. } = &self.way else { return };
        let mut header = names.header(packet, number);
        let payload = match names.rtx {
            None => packet.payload.clone(),
            Some((ssrc, payload_type)) => {
                self.rtx_number = self.rtx_number.wrapping_add(1);
                header = rtp::Header { ssrc, payload_type, sequence_number: self.rtx_number, ..header };
                let mut payload = BytesMut::with_capacity(2 + packet.payload.len());
                payload.put_u16(number);
                payload.put_slice(&packet.payload);
                payload.freeze()
            }
        };
        self.write_rtp(now, rtp::Packet { header, payload });
    }

    /// Tells the viewer which wall-clock time a media time stands for.
    pub fn report(&mut self, now: Instant, ntp: u64, time: u32, packets: u64, bytes: u64) {
        let Way::Out { names, .. } = &self.way else { return };
        let report = SenderReport {
            ssrc: names.ssrc,
            ntp_time: ntp,
            rtp_time: time,
            packet_count: packets as u32,
            octet_count: bytes as u32,
            ..Default::default()
        };
        self.write(now, RTCMessage::RtcpPacket(String::new(), vec![Box::new(report)]));
    }

    /// Sends a detections message, if there is a channel and room.
    pub fn tell(&mut self, now: Instant, message: &str) -> Told {
        let Some(mut channel) = self.channel.and_then(|id| self.stack.data_channel(id)) else {
            return Told::NoChannel;
        };
        if channel.outstanding_bytes() > MOST_OUTSTANDING {
            return Told::Skipped;
        }
        match channel.send_text(now, message) {
            Ok(()) => Told::Sent,
            Err(_) => Told::Skipped,
        }
    }

    fn write_rtp(&mut self, now: Instant, packet: rtp::Packet) {
        self.write(now, RTCMessage::RtpPacket(String::new(), packet));
    }
}

impl Names {
    fn header(&self, packet: &Shared, number: u16) -> rtp::Header {
        rtp::Header {
            version: 2,
            marker: packet.marker,
            payload_type: self.payload_type,
            sequence_number: number,
            timestamp: packet.time.0,
            ssrc: self.ssrc,
            ..Default::default()
        }
    }

    /// Adds what was negotiated about this picture. An id the header cannot hold is left out.
    fn describe(&self, header: &mut rtp::Header, captured: u64) {
        if let Some(id) = self.capture_time {
            let _ = header.set_extension(id, Bytes::copy_from_slice(&captured.to_be_bytes()));
        }
        if let Some(id) = self.playout_delay {
            // Least and most delay, both zero: show it as soon as it is whole.
            let _ = header.set_extension(id, Bytes::from_static(&[0, 0, 0]));
        }
    }
}
