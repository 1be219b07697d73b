//! One viewer's WebRTC connection: the only file that drives the `rtc` stack.
//!
//! Owns answering an offer, feeding the stack, draining it, and RTP headers. It is sans-IO:
//! datagrams and `now` come in, datagrams and happenings go out. What a happening means for the
//! stream is the viewer's business.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rtc::data_channel::RTCDataChannelId;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::state::{RTCIceConnectionState, RTCPeerConnectionState};
use rtc::peer_connection::transport::{RTCDtlsTransportState, RTCIceCandidateInit};
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use super::detections;
use super::early::{Early, Inbound, Turn};
use super::feedback::{Feedback, Reports};
use super::history::Shared;
use super::offer;
use super::stun::{Class, Stun};

/// Bytes of detections that may wait in the stack; a message more than that is skipped.
const MOST_OUTSTANDING: usize = 64 * 1024;

/// A datagram to be sent.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Our address it leaves from.
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: BytesMut,
}

/// What came of feeding the stack.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// ICE has proved this address to be the other's.
    Reached(SocketAddr),
    /// Media can be sent.
    Connected,
    Feedback(Feedback),
    /// The connection is over.
    Gone(Why),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The viewer said goodbye.
    Left,
    /// Nothing was heard for too long.
    Lost,
}

/// Numbers and extension ids that negotiation settled on.
#[derive(Clone, Debug)]
pub struct Names {
    pub ssrc: u32,
    pub payload_type: u8,
    /// SSRC and payload type of retransmissions.
    pub rtx: Option<(u32, u8)>,
    pub playout_delay: Option<u8>,
    pub capture_time: Option<u8>,
}

/// Whether a detections message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Sent,
    /// Too much is waiting already: late boxes are worse than none.
    Skipped,
    /// The viewer has no channel for it.
    NoChannel,
}

pub struct Peer {
    stack: RTCPeerConnection,
    video: RTCRtpSenderId,
    names: Names,
    fragment: String,
    reports: Reports,
    early: Early,
    channel: Option<RTCDataChannelId>,
    rtx_number: u16,
    candidates: usize,
    /// Who answered a check of ours last.
    answered: Option<SocketAddr>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
    Over,
}

impl Peer {
    pub(super) fn new(
        stack: RTCPeerConnection,
        video: RTCRtpSenderId,
        names: Names,
        fragment: String,
        reports: Reports,
    ) -> Peer {
        Peer {
            stack,
            video,
            names,
            fragment,
            reports,
            early: Early::default(),
            channel: None,
            rtx_number: rand::random(),
            candidates: 0,
            answered: None,
            state: State::Connecting,
        }
    }

    /// Our ICE user name fragment: what the viewer's checks name us by.
    pub fn fragment(&self) -> &str {
        &self.fragment
    }

    /// Takes a datagram that belongs to this viewer.
    pub fn receive(&mut self, now: Instant, inbound: Inbound) {
        let is_dtls = inbound.bytes.first().is_some_and(|first| (20..64).contains(first));
        if self.state == State::Connecting
            && Stun::read(&inbound.bytes).is_some_and(|stun| stun.class == Class::Success)
        {
            self.answered = Some(inbound.from);
        }
        match self.early.turn(inbound) {
            Turn::Now(inbound) => self.feed(now, inbound),
            Turn::Then(inbound, nomination) => {
                self.feed(now, inbound);
                self.feed(now, nomination);
            }
            Turn::Held => {}
        }
        if is_dtls && self.dtls_is_closed() {
            self.state = State::Over;
        }
    }

    /// Adds a candidate of the viewer, as in `a=candidate:`; one that cannot be used is passed over.
    pub fn candidate(&mut self, candidate: &str) {
        self.candidates += 1;
        if self.candidates <= offer::MOST_CANDIDATES && offer::is_usable_candidate(candidate) {
            let candidate = RTCIceCandidateInit { candidate: candidate.to_owned(), ..Default::default() };
            // A candidate the stack cannot read is worth no more than one that does not answer.
            let _ = self.stack.add_remote_candidate(candidate);
        }
    }

    /// Sends one packet of the stream under `number`. The first packet of a picture carries its
    /// capture time as NTP time.
    pub fn send(&mut self, now: Instant, packet: &Shared, number: u16, captured: Option<u64>) {
        let mut header = self.header(packet, number);
        if let Some(captured) = captured {
            self.describe(&mut header, captured);
        }
        self.write_rtp(now, rtp::Packet { header, payload: packet.payload.clone() });
    }

    /// Sends a packet again (RFC 4588): under RTX where the viewer takes it, else as it was.
    pub fn resend(&mut self, now: Instant, packet: &Shared, number: u16) {
        let mut header = self.header(packet, number);
        let payload = match self.names.rtx {
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
        let report = SenderReport {
            ssrc: self.names.ssrc,
            ntp_time: ntp,
            rtp_time: time,
            packet_count: packets as u32,
            octet_count: bytes as u32,
            ..Default::default()
        };
        let message = RTCMessage::RtcpPacket(String::new(), vec![Box::new(report)]);
        let _ = self.stack.handle_write(TaggedRTCMessage { now, message });
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

    pub fn timeout(&mut self, now: Instant) {
        if self.stack.handle_timeout(now).is_err() {
            self.state = State::Over;
        }
    }

    pub fn deadline(&mut self) -> Option<Instant> {
        self.stack.poll_timeout()
    }

    /// Takes out the datagrams that are ready: enough after sending media.
    pub fn datagrams(&mut self, mut send: impl FnMut(Datagram)) {
        while let Some(out) = self.stack.poll_write() {
            let TransportContext { local_addr, peer_addr, .. } = out.transport;
            send(Datagram { from: local_addr, to: peer_addr, bytes: out.message });
        }
    }

    /// Takes out everything the stack has to say: after it was fed, and at its deadlines.
    pub fn drain(
        &mut self,
        now: Instant,
        mut send: impl FnMut(Datagram),
        mut happened: impl FnMut(Happening),
    ) {
        // Some events show only after a sweep of writes, and some writes only after events.
        loop {
            self.datagrams(&mut send);
            // A viewer has nothing to say to us by media or message; not reading it would stop SCTP.
            while self.stack.poll_read().is_some() {}
            let Some(event) = self.stack.poll_event() else { break };
            self.event(now, event, &mut happened);
        }
        self.datagrams(&mut send);
        self.reports.take().into_iter().for_each(|feedback| happened(Happening::Feedback(feedback)));
        if self.state == State::Over {
            happened(Happening::Gone(Why::Left));
        }
    }

    /// Says goodbye; the datagrams that say it are taken out as ever.
    pub fn close(&mut self) {
        self.state = State::Over;
        let _ = self.stack.close();
    }

    fn event(&mut self, now: Instant, event: RTCPeerConnectionEvent, happened: &mut impl FnMut(Happening)) {
        use RTCPeerConnectionEvent as Event;
        match event {
            Event::OnIceConnectionStateChangeEvent(
                RTCIceConnectionState::Connected | RTCIceConnectionState::Completed,
            ) => {
                // One that only answers (ICE lite) is never granted a check of its own.
                self.answered.into_iter().for_each(|address| happened(Happening::Reached(address)));
                for held in self.early.connected() {
                    self.feed(now, held);
                }
            }
            Event::OnIceConnectionStateChangeEvent(RTCIceConnectionState::Failed)
            | Event::OnConnectionStateChangeEvent(RTCPeerConnectionState::Failed) => {
                happened(Happening::Gone(Why::Lost));
            }
            Event::OnConnectionStateChangeEvent(RTCPeerConnectionState::Connected)
                if self.state == State::Connecting =>
            {
                self.state = State::Connected;
                happened(Happening::Connected);
            }
            Event::OnDataChannel(RTCDataChannelEvent::OnOpen(id)) => self.opened(id),
            Event::OnDataChannel(RTCDataChannelEvent::OnClose(id)) if self.channel == Some(id) => {
                self.channel = None;
            }
            _ => {}
        }
    }

    fn opened(&mut self, id: RTCDataChannelId) {
        let is_ours =
            self.stack.data_channel(id).is_some_and(|channel| channel.label() == detections::CHANNEL);
        if is_ours {
            self.channel = Some(id);
        }
    }

    fn feed(&mut self, now: Instant, inbound: Inbound) {
        let transport = TransportContext {
            local_addr: inbound.to,
            peer_addr: inbound.from,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        let _ = self.stack.handle_read(TaggedBytesMut { now, transport, message: inbound.bytes });
    }

    /// The stack has no event for a viewer's goodbye (close_notify), only this state.
    fn dtls_is_closed(&mut self) -> bool {
        let sender = self.stack.rtp_sender(self.video);
        sender.is_some_and(|sender| {
            sender.transport().is_some_and(|dtls| dtls.state() == RTCDtlsTransportState::Closed)
        })
    }

    fn header(&self, packet: &Shared, number: u16) -> rtp::Header {
        rtp::Header {
            version: 2,
            marker: packet.marker,
            payload_type: self.names.payload_type,
            sequence_number: number,
            timestamp: packet.time.0,
            ssrc: self.names.ssrc,
            ..Default::default()
        }
    }

    /// Adds what was negotiated about this picture. An id the header cannot hold is left out.
    fn describe(&self, header: &mut rtp::Header, captured: u64) {
        if let Some(id) = self.names.capture_time {
            let _ = header.set_extension(id, Bytes::copy_from_slice(&captured.to_be_bytes()));
        }
        if let Some(id) = self.names.playout_delay {
            // Least and most delay, both zero: show it as soon as it is whole.
            let _ = header.set_extension(id, Bytes::from_static(&[0, 0, 0]));
        }
    }

    fn write_rtp(&mut self, now: Instant, packet: rtp::Packet) {
        let message = RTCMessage::RtpPacket(String::new(), packet);
        // The stack only queues here; what it cannot send it drops and the viewer asks again.
        let _ = self.stack.handle_write(TaggedRTCMessage { now, message });
    }
}

/// How long ICE waits: 3 s of silence make a viewer doubtful, 5 s more make it gone, and a check
/// a second keeps consent fresh. Together under the 10 s in which a vanished viewer must be gone.
pub const DOUBT: Duration = Duration::from_secs(3);
pub const GIVE_UP: Duration = Duration::from_secs(5);
pub const KEEP_ALIVE: Duration = Duration::from_secs(1);
