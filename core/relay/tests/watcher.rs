//! A viewer for tests: offers as a browser does, asks for lost packets, keeps what it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::data_channel::RTCDataChannelInit;
use rtc::peer_connection::event::{RTCPeerConnectionEvent, RTCTrackEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::RTCDtlsTransportState;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpReceiverId;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;

use super::depacketizer::depacketize;
use super::end::End;
use crate::relay::peer::Datagram;

/// How often it looks for what is missing, and asks for each again: browsers wait about a round trip.
const ASK_EVERY: Duration = Duration::from_millis(20);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Packets it looks back for what is missing.
const MOST_BEHIND: u16 = 1000;

/// Whether a watcher asks for detections.
#[derive(Clone, Copy, PartialEq)]
pub enum Boxes {
    Wanted,
    Unwanted,
}

pub struct Watcher {
    pub end: End,
    receiver: Option<RTCRtpReceiverId>,
    pub connected: Option<Instant>,
    pub packets: Vec<rtp::Packet>,
    /// When each of them came.
    pub came: Vec<Instant>,
    asked: BTreeMap<u16, Instant>,
    looked: Instant,
    pub messages: Vec<String>,
    /// Whether it still answers: a watcher that vanished does not.
    pub alive: bool,
    goodbye: bool,
}

impl Watcher {
    pub fn new(now: Instant, address: SocketAddr, boxes: Boxes) -> Watcher {
        let mut end = End::new(now, address);
        end.stack.add_transceiver_from_kind(RtpCodecKind::Video, None).unwrap();
        if boxes == Boxes::Wanted {
            let lossy = RTCDataChannelInit { ordered: false, max_retransmits: Some(0), ..Default::default() };
            end.stack.create_data_channel("detections", Some(lossy)).unwrap();
        }
        Watcher {
            end,
            receiver: None,
            connected: None,
            packets: vec![],
            came: vec![],
            asked: BTreeMap::new(),
            looked: now,
            messages: vec![],
            alive: true,
            goodbye: false,
        }
    }

    pub fn receive(&mut self, now: Instant, datagram: &Datagram) {
        self.end.receive(now, datagram.from, &datagram.bytes);
        let receiver = self.receiver.and_then(|id| self.end.stack.rtp_receiver(id));
        self.goodbye |= receiver.is_some_and(|receiver| {
            receiver.transport().is_some_and(|dtls| dtls.state() == RTCDtlsTransportState::Closed)
        });
    }

    /// Does what is due and gives what it has to send.
    pub fn turn(&mut self, now: Instant) -> Vec<Datagram> {
        let mut datagrams = vec![];
        self.ask_for_missing(now);
        let (from, protocol) = (self.end.address, self.end.protocol.into());
        let Watcher { end, packets, came, messages, connected, receiver, .. } = self;
        end.turn(
            now,
            |to, bytes| datagrams.push(Datagram { from, to, protocol, bytes }),
            |message| match message {
                RTCMessage::RtpPacket(_, packet) => {
                    came.push(now);
                    packets.push(packet);
                }
                RTCMessage::DataChannelMessage(_, message) => {
                    messages.push(String::from_utf8(message.data.to_vec()).unwrap());
                }
                _ => {}
            },
            |event| match event {
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(RTCPeerConnectionState::Connected) => {
                    *connected = Some(now);
                }
                RTCPeerConnectionEvent::OnTrack(RTCTrackEvent::OnOpen(track)) => {
                    *receiver = Some(track.receiver_id);
                }
                _ => {}
            },
        );
        datagrams
    }

    pub fn say_picture_lost(&mut self, now: Instant) {
        let media_ssrc = self.packets.last().expect("something was received").header.ssrc;
        let lost = PictureLossIndication { sender_ssrc: 1, media_ssrc };
        let mut receiver = self.end.stack.rtp_receiver(self.receiver.unwrap()).unwrap();
        receiver.write_rtcp(now, vec![Box::new(lost)]).unwrap();
    }

    fn ask_for_missing(&mut self, now: Instant) {
        if now < self.looked + ASK_EVERY || self.goodbye {
            return;
        }
        self.looked = now;
        let missing = self.missing();
        self.asked.retain(|number, _| missing.contains(number));
        let is_due = |number: &u16| self.asked.get(number).is_none_or(|last| now >= *last + ASK_AGAIN_AFTER);
        let due: Vec<u16> = missing.into_iter().filter(is_due).collect();
        let media_ssrc = self.packets.last().map(|packet| packet.header.ssrc);
        let receiver = self.receiver.and_then(|id| self.end.stack.rtp_receiver(id));
        if let (Some(mut receiver), Some(media_ssrc), false) = (receiver, media_ssrc, due.is_empty()) {
            let nacks = nack_pairs_from_sequence_numbers(&due);
            receiver
                .write_rtcp(now, vec![Box::new(TransportLayerNack { sender_ssrc: 1, media_ssrc, nacks })])
                .unwrap();
            self.asked.extend(due.into_iter().map(|number| (number, now)));
        }
    }

    /// The numbers between the last packets that came and did not come themselves.
    fn missing(&self) -> Vec<u16> {
        let recent = &self.packets[self.packets.len().saturating_sub(usize::from(MOST_BEHIND))..];
        let Some(oldest) = recent.first().map(|packet| packet.header.sequence_number) else { return vec![] };
        // Counted from the oldest, so that the order survives the wrap; what was sent again may be older.
        let came: BTreeSet<u16> = recent
            .iter()
            .map(|packet| packet.header.sequence_number.wrapping_sub(oldest))
            .filter(|ahead| *ahead <= u16::MAX / 2)
            .collect();
        let newest = came.last().copied().unwrap_or(0);
        let missing = (0..newest).filter(|ahead| !came.contains(ahead));
        missing.map(|ahead| oldest.wrapping_add(ahead)).collect()
    }

    /// Whether the relay has said goodbye (DTLS close_notify).
    pub fn was_told_goodbye(&self) -> bool {
        self.goodbye
    }

    /// By RTP time, what the pictures' first packets say of when they were taken, as NTP time.
    pub fn capture_times(&self) -> BTreeMap<u32, u64> {
        let told = |packet: &rtp::Packet| {
            let told = (1..15).find_map(|id| packet.header.get_extension(id))?;
            Some((packet.header.timestamp, u64::from_be_bytes(told[..].try_into().ok()?)))
        };
        self.packets.iter().filter_map(told).collect()
    }

    /// The pictures that arrived whole, by RTP time: their NAL units.
    pub fn pictures(&self) -> BTreeMap<u32, Vec<Vec<u8>>> {
        let mut by_time: BTreeMap<u32, BTreeMap<u16, &rtp::Packet>> = BTreeMap::new();
        for packet in &self.packets {
            let at = by_time.entry(packet.header.timestamp).or_default();
            // Counted from the first number seen, so that the order survives the wrap.
            let first = self.packets[0].header.sequence_number;
            at.insert(packet.header.sequence_number.wrapping_sub(first), packet);
        }
        by_time.into_iter().filter_map(|(time, packets)| Some((time, whole(&packets)?))).collect()
    }

    /// When each of [`pictures`](Watcher::pictures) was whole, by RTP time.
    pub fn whole_at(&self) -> BTreeMap<u32, Instant> {
        let mut at = BTreeMap::new();
        for (packet, came) in self.packets.iter().zip(&self.came) {
            at.insert(packet.header.timestamp, *came);
        }
        let whole = self.pictures();
        at.retain(|time, _| whole.contains_key(time));
        at
    }
}

fn whole(packets: &BTreeMap<u16, &rtp::Packet>) -> Option<Vec<Vec<u8>>> {
    let numbers: Vec<u16> = packets.keys().copied().collect();
    let unbroken = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let ends = packets.values().last()?.header.marker;
    let payloads: Vec<Bytes> = packets.values().map(|packet| packet.payload.clone()).collect();
    let starts = !matches!(payloads[0][..], [first, second, ..] if first & 0x1f == 28 && second & 0x80 == 0);
    (unbroken && ends && starts).then(|| depacketize(&payloads))
}
