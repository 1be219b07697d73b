//! A viewer for tests: offers as a browser does, asks for lost packets, keeps what it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::data_channel::RTCDataChannelInit;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Registry;
use rtc::peer_connection::configuration::interceptor_registry::{configure_nack, configure_rtcp_reports};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_RTX, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::{RTCPeerConnectionEvent, RTCTrackEvent};
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{RTCDtlsTransportState, RTCIceCandidateInit};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpReceiverId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext};

use super::depacketizer::depacketize;
use crate::relay::far::Transport;
use crate::relay::peer::Datagram;

const CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

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
    pub address: SocketAddr,
    /// What it is reached by, and reaches others by.
    pub transport: Transport,
    /// Where it was to be reached before it changed its network, and when something was sent there since.
    pub former: Option<SocketAddr>,
    pub missed: Vec<Instant>,
    answer: String,
    stack: RTCPeerConnection,
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
        let mut media = MediaEngine::default();
        for (mime, payload_type, fmtp) in [
            (MIME_TYPE_H264, 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
            (MIME_TYPE_RTX, 103, "apt=102"),
        ] {
            let rtp_codec = RTCRtpCodec {
                mime_type: mime.to_owned(),
                clock_rate: 90_000,
                sdp_fmtp_line: fmtp.to_owned(),
                ..Default::default()
            };
            let codec = RTCRtpCodecParameters { rtp_codec, payload_type };
            media.register_codec(codec, RtpCodecKind::Video).unwrap();
        }
        let uri = CAPTURE_TIME.to_owned();
        let capture_time = RTCRtpHeaderExtensionCapability { uri };
        media.register_header_extension(capture_time, RtpCodecKind::Video, None).unwrap();
        // Only for what it puts into the offer: the stack's own asks again for what RTX has brought.
        drop(configure_nack(Registry::new(), &mut media));
        let registry = configure_rtcp_reports(Registry::new());
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_discard_local_candidates_during_ice_restart(true)
            .build();
        let mut stack = RTCPeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .build(now)
            .unwrap();
        stack.add_transceiver_from_kind(RtpCodecKind::Video, None).unwrap();
        if boxes == Boxes::Wanted {
            let lossy = RTCDataChannelInit { ordered: false, max_retransmits: Some(0), ..Default::default() };
            stack.create_data_channel("detections", Some(lossy)).unwrap();
        }
        Watcher {
            address,
            transport: Transport::Udp,
            former: None,
            missed: vec![],
            answer: String::new(),
            stack,
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

    pub fn offer(&mut self, now: Instant) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        let candidate = match self.transport {
            Transport::Udp => format!("candidate:1 1 udp 2130706431 {ip} {port} typ host"),
            Transport::Tcp => format!("candidate:1 1 tcp 2128609279 {ip} 9 typ host tcptype active"),
        };
        let offer = self.stack.create_offer(None).unwrap();
        self.stack.set_local_description(now, offer).unwrap();
        self.stack.add_local_candidate(RTCIceCandidateInit { candidate, ..Default::default() }).unwrap();
        // Posted before gathering, as browsers that hide their addresses may do: the relay must find
        // us by our checks.
        let sdp = self.stack.local_description().unwrap().sdp;
        sdp.lines()
            .filter(|line| !line.starts_with("a=candidate"))
            .map(|line| format!("{line}\r\n"))
            .collect()
    }

    /// As a server that is published to: answers `offer`.
    pub fn answer(&mut self, now: Instant, offer: &str) -> String {
        let offer = RTCSessionDescription::offer(offer.to_owned()).unwrap();
        self.stack.set_remote_description(now, offer).unwrap();
        let (ip, port) = (self.address.ip(), self.address.port());
        let candidate = format!("candidate:1 1 udp 2130706431 {ip} {port} typ host");
        self.stack.add_local_candidate(RTCIceCandidateInit { candidate, ..Default::default() }).unwrap();
        let answer = self.stack.create_answer(None).unwrap();
        self.stack.set_local_description(now, answer).unwrap();
        self.stack.local_description().unwrap().sdp
    }

    /// Changes to another network: gives the fragment that restarts ICE from `address`.
    pub fn roam(&mut self, now: Instant, address: SocketAddr) -> String {
        self.former = Some(std::mem::replace(&mut self.address, address));
        self.stack.restart_ice();
        let offer = self.offer(now);
        let is_told =
            |line: &&str| ["a=ice-ufrag:", "a=ice-pwd:", "a=mid:"].iter().any(|key| line.starts_with(key));
        let mut lines: Vec<&str> = offer.lines().filter(is_told).collect();
        lines.truncate(3);
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    }

    /// Takes the answer to a restart, as a browser would: the first answer with what is new.
    pub fn arrive(&mut self, now: Instant, fragment: &str) {
        let new = |key: &str| fragment.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        let candidates = fragment.lines().filter(|line| line.starts_with("a=candidate"));
        let candidates: String = candidates.map(|line| format!("\r\n{line}")).collect();
        let renewed = |line: &str| match line {
            line if line.starts_with("a=ice-ufrag:") => new("a=ice-ufrag:"),
            line if line.starts_with("a=ice-pwd:") => new("a=ice-pwd:") + &candidates,
            line => line.to_owned(),
        };
        let old = self.answer.clone();
        let old = old.lines().filter(|line| !line.starts_with("a=candidate"));
        let answer: String = old.map(|line| renewed(line) + "\r\n").collect();
        self.accept(now, &answer);
    }

    pub fn accept(&mut self, now: Instant, answer: &str) {
        answer.clone_into(&mut self.answer);
        let answer = RTCSessionDescription::answer(answer.to_owned()).unwrap();
        self.stack.set_remote_description(now, answer).unwrap();
    }

    pub fn receive(&mut self, now: Instant, datagram: Datagram) {
        let transport = TransportContext {
            local_addr: self.address,
            peer_addr: datagram.from,
            transport_protocol: self.transport.into(),
            ecn: None,
        };
        self.stack.handle_read(TaggedBytesMut { now, transport, message: datagram.bytes }).unwrap();
        let receiver = self.receiver.and_then(|id| self.stack.rtp_receiver(id));
        self.goodbye |= receiver.is_some_and(|receiver| {
            receiver.transport().is_some_and(|dtls| dtls.state() == RTCDtlsTransportState::Closed)
        });
    }

    /// Does what is due and gives what it has to send.
    pub fn turn(&mut self, now: Instant) -> Vec<Datagram> {
        let mut datagrams = vec![];
        self.ask_for_missing(now);
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.handle_timeout(now).unwrap();
        }
        loop {
            while let Some(out) = self.stack.poll_write() {
                let to = out.transport.peer_addr;
                datagrams.push(Datagram {
                    from: self.address,
                    to,
                    protocol: self.transport,
                    bytes: out.message,
                });
            }
            while let Some(TaggedRTCMessage { message, .. }) = self.stack.poll_read() {
                self.keep(now, message);
            }
            let Some(event) = self.stack.poll_event() else { break };
            self.event(now, event);
        }
        while let Some(out) = self.stack.poll_write() {
            let to = out.transport.peer_addr;
            datagrams.push(Datagram { from: self.address, to, protocol: self.transport, bytes: out.message });
        }
        datagrams
    }

    pub fn say_picture_lost(&mut self, now: Instant) {
        let media_ssrc = self.packets.last().expect("something was received").header.ssrc;
        let lost = PictureLossIndication { sender_ssrc: 1, media_ssrc };
        let mut receiver = self.stack.rtp_receiver(self.receiver.unwrap()).unwrap();
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
        let receiver = self.receiver.and_then(|id| self.stack.rtp_receiver(id));
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

    pub fn leave(&mut self) {
        self.stack.close().unwrap();
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

    fn keep(&mut self, now: Instant, message: RTCMessage) {
        match message {
            RTCMessage::RtpPacket(_, packet) => {
                self.came.push(now);
                self.packets.push(packet);
            }
            RTCMessage::DataChannelMessage(_, message) => {
                self.messages.push(String::from_utf8(message.data.to_vec()).unwrap());
            }
            _ => {}
        }
    }

    fn event(&mut self, now: Instant, event: RTCPeerConnectionEvent) {
        match event {
            RTCPeerConnectionEvent::OnConnectionStateChangeEvent(RTCPeerConnectionState::Connected) => {
                self.connected = Some(now);
            }
            RTCPeerConnectionEvent::OnTrack(RTCTrackEvent::OnOpen(track)) => {
                self.receiver = Some(track.receiver_id);
            }
            _ => {}
        }
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
