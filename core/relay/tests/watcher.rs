//! A viewer for tests: offers as a browser does, asks for lost packets, keeps what it is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

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
use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpReceiverId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use super::depacketizer::depacketize;
use crate::relay::peer::Datagram;

const CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/// Whether a watcher asks for detections.
#[derive(Clone, Copy, PartialEq)]
pub enum Boxes {
    Wanted,
    Unwanted,
}

pub struct Watcher {
    pub address: SocketAddr,
    stack: RTCPeerConnection,
    receiver: Option<RTCRtpReceiverId>,
    pub connected: Option<Instant>,
    pub packets: Vec<rtp::Packet>,
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
        let registry = configure_rtcp_reports(configure_nack(Registry::new(), &mut media));
        let settings =
            SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build();
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
            stack,
            receiver: None,
            connected: None,
            packets: vec![],
            messages: vec![],
            alive: true,
            goodbye: false,
        }
    }

    pub fn offer(&mut self, now: Instant) -> String {
        let candidate =
            format!("candidate:1 1 udp 2130706431 {} {} typ host", self.address.ip(), self.address.port());
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

    pub fn accept(&mut self, now: Instant, answer: &str) {
        let answer = RTCSessionDescription::answer(answer.to_owned()).unwrap();
        self.stack.set_remote_description(now, answer).unwrap();
    }

    pub fn receive(&mut self, now: Instant, datagram: Datagram) {
        let transport = TransportContext {
            local_addr: self.address,
            peer_addr: datagram.from,
            transport_protocol: TransportProtocol::UDP,
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
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.handle_timeout(now).unwrap();
        }
        loop {
            while let Some(out) = self.stack.poll_write() {
                let to = out.transport.peer_addr;
                datagrams.push(Datagram { from: self.address, to, bytes: out.message });
            }
            while let Some(TaggedRTCMessage { message, .. }) = self.stack.poll_read() {
                self.keep(message);
            }
            let Some(event) = self.stack.poll_event() else { break };
            self.event(now, event);
        }
        while let Some(out) = self.stack.poll_write() {
            datagrams.push(Datagram { from: self.address, to: out.transport.peer_addr, bytes: out.message });
        }
        datagrams
    }

    pub fn say_picture_lost(&mut self, now: Instant) {
        let media_ssrc = self.packets.last().expect("something was received").header.ssrc;
        let lost = PictureLossIndication { sender_ssrc: 1, media_ssrc };
        let mut receiver = self.stack.rtp_receiver(self.receiver.unwrap()).unwrap();
        receiver.write_rtcp(now, vec![Box::new(lost)]).unwrap();
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

    fn keep(&mut self, message: RTCMessage) {
        match message {
            RTCMessage::RtpPacket(_, packet) => self.packets.push(packet),
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
