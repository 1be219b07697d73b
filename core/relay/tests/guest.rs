//! A publisher of another make than ours, as a browser would be one: sends what it is given, and sends
//! again what is asked for.

use std::net::SocketAddr;
use std::time::Instant;

use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpSenderId;

use super::end::{End, FORMAT, PAYLOAD_TYPE};
use crate::relay::answer::track;
use crate::relay::offer::Codec;
use crate::relay::peer::Datagram;
use crate::relay::stream::Cut;

const SSRC: u32 = 42;

pub struct Guest {
    pub end: End,
    video: RTCRtpSenderId,
    number: u16,
}

impl Guest {
    pub fn new(now: Instant, address: SocketAddr) -> Guest {
        let codec =
            Codec { payload_type: PAYLOAD_TYPE, fmtp: FORMAT.to_owned(), rtx: Some(PAYLOAD_TYPE + 1) };
        let mut end = End::new(now, address);
        let video = end.stack.add_track(track(&codec, SSRC, SSRC + 1)).unwrap();
        Guest { end, video, number: 0 }
    }

    /// Does what is due and gives what it has to send.
    pub fn turn(&mut self, now: Instant) -> Vec<Datagram> {
        let mut datagrams = vec![];
        let (from, protocol) = (self.end.address, self.end.protocol.into());
        let send = |to, bytes| datagrams.push(Datagram { from, to, protocol, bytes });
        self.end.turn(now, send, |_| (), |_| ());
        datagrams
    }

    /// Sends a picture.
    pub fn show(&mut self, now: Instant, picture: &Cut) {
        let mut sender = self.end.stack.rtp_sender(self.video).unwrap();
        let last = picture.payloads.len() - 1;
        for (index, payload) in picture.payloads.iter().enumerate() {
            self.number = self.number.wrapping_add(1);
            let header = rtp::Header {
                version: 2,
                marker: index == last,
                payload_type: PAYLOAD_TYPE,
                sequence_number: self.number,
                timestamp: picture.time.0,
                ssrc: SSRC,
                ..Default::default()
            };
            sender.write_rtp(now, rtp::Packet { header, payload: payload.clone() }).unwrap();
        }
    }
}
