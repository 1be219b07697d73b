//! One WebRTC connection: the only folder that drives the `rtc` stack.
//!
//! Owns feeding the stack and draining it, whichever way media goes; what is sent to a viewer is
//! `outward`'s, what is said back to a publisher `inward`'s, and a way that takes the place of the first
//! `path`'s. It is sans-IO: datagrams and `now` come
//! in, datagrams and happenings go out. What a happening means is the business of whoever holds it.

mod inward;
mod outward;
mod path;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::data_channel::RTCDataChannelId;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::state::{RTCIceConnectionState, RTCPeerConnectionState};
use rtc::peer_connection::transport::{RTCDtlsTransport, RTCDtlsTransportState, RTCIceCandidateInit};
use rtc::rtp_transceiver::{RTCRtpReceiverId, RTCRtpSenderId};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext};

use super::candidate;
use super::detections;
use super::early::{Early, Inbound};
use super::far::{Far, Transport};
use super::feedback::{Feedback, Reports};
use super::stun::{Class, Stun};

pub use outward::Told;
pub use path::Path;

/// A datagram to be sent.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Our address it leaves from.
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub protocol: Transport,
    pub bytes: BytesMut,
}

impl Datagram {
    pub fn far(&self) -> Far {
        Far { protocol: self.protocol, address: self.to }
    }

    fn of(out: TaggedBytesMut) -> Datagram {
        let TransportContext { local_addr, peer_addr, transport_protocol, .. } = out.transport;
        Datagram { from: local_addr, to: peer_addr, protocol: transport_protocol.into(), bytes: out.message }
    }
}

/// What came of feeding the stack.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// ICE has proved this address to be the other's.
    Reached(Far),
    /// Media can be sent.
    Connected,
    Feedback(Feedback),
    /// A packet of the media that comes to us.
    Packet(Packet),
    /// Its checks name us by other user name fragments from now on.
    Renamed,
    /// The connection is over.
    Gone(Why),
}

/// A packet of RTP as it came in; a retransmission is as the packet it repairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    pub ssrc: u32,
    pub number: u16,
    /// In units of media time.
    pub time: u32,
    pub marker: bool,
    /// Without padding; empty in one that is only padding.
    pub payload: Bytes,
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The other end said goodbye.
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

/// Which way a connection's media goes.
pub enum Way {
    Out { video: RTCRtpSenderId, names: Names },
    In { video: RTCRtpReceiverId },
}

pub struct Peer {
    stack: RTCPeerConnection,
    way: Way,
    fragment: String,
    reports: Reports,
    early: Early,
    channel: Option<RTCDataChannelId>,
    rtx_number: u16,
    candidates: usize,
    /// Who answered a check of ours last.
    answered: Option<Far>,
    /// What the other end proves its answers to the stack's checks with, once they are answered for it.
    password: String,
    /// The way that is used instead of the stack's own.
    path: Option<Path>,
    /// The way that will be, if it is found.
    sought: Option<Path>,
    renamed: bool,
    state: State,
    /// For those elsewhere who ask whether it has ever been connected.
    connected: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
    Over,
}

impl Peer {
    pub(super) fn new(stack: RTCPeerConnection, way: Way, fragment: String, reports: Reports) -> Peer {
        Peer {
            stack,
            way,
            fragment,
            reports,
            early: Early::default(),
            channel: None,
            rtx_number: rand::random(),
            candidates: 0,
            answered: None,
            password: String::new(),
            path: None,
            sought: None,
            renamed: false,
            state: State::Connecting,
            connected: Arc::default(),
        }
    }

    /// Becomes true once media can be sent, and stays so.
    pub fn connected(&self) -> Arc<AtomicBool> {
        self.connected.clone()
    }

    /// Whether media could ever be sent.
    pub fn has_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Our ICE user name fragments: what the other's checks name us by.
    pub fn fragments(&self) -> Vec<String> {
        let first = self.path.as_ref().map_or(self.fragment.as_str(), Path::fragment);
        let sought = self.sought.as_ref().map(Path::fragment);
        [Some(first), sought].into_iter().flatten().map(str::to_owned).collect()
    }

    /// Takes a datagram that belongs to this connection.
    pub fn receive(&mut self, now: Instant, inbound: Inbound) {
        let is_dtls = inbound.bytes.first().is_some_and(|first| (20..64).contains(first));
        match Stun::read(&inbound.bytes).map(|stun| (stun.class, stun.receiver())) {
            Some((Class::Request, Some(fragment))) => {
                let mut paths = self.path.iter_mut().chain(&mut self.sought);
                if let Some(path) = paths.find(|path| path.fragment() == fragment) {
                    return path.receive(now, inbound);
                }
            }
            Some((Class::Success, _)) => {
                if self.state == State::Connecting {
                    self.answered = Some(inbound.far());
                }
                // Whoever asked takes it; the others cannot make anything of it.
                for path in self.path.iter_mut().chain(&mut self.sought) {
                    path.receive(now, inbound.clone());
                }
            }
            _ => {}
        }
        for due in self.early.turn(inbound) {
            self.feed(now, due);
        }
        if is_dtls && self.dtls_is_closed() {
            self.state = State::Over;
        }
    }

    /// Adds a candidate of the other end, as in `a=candidate:`; one that cannot be used is passed over.
    pub fn candidate(&mut self, candidate: &str) {
        if let Some(path) = self.sought.as_mut().or(self.path.as_mut()) {
            return path.candidate(candidate);
        }
        self.candidates += 1;
        if self.candidates <= candidate::MOST && candidate::is_usable(candidate) {
            let candidate = RTCIceCandidateInit { candidate: candidate.to_owned(), ..Default::default() };
            // A candidate the stack cannot read is worth no more than one that does not answer.
            let _ = self.stack.add_remote_candidate(candidate);
        }
    }

    pub fn timeout(&mut self, now: Instant) {
        if self.stack.handle_timeout(now).is_err() {
            self.state = State::Over;
        }
        self.path.iter_mut().chain(&mut self.sought).for_each(|path| path.timeout(now));
    }

    pub fn deadline(&mut self) -> Option<Instant> {
        let paths = self.path.iter_mut().chain(&mut self.sought).filter_map(Path::deadline);
        paths.chain(self.stack.poll_timeout()).min()
    }

    /// Takes out the datagrams that are ready: enough after sending media.
    pub fn datagrams(&mut self, mut send: impl FnMut(Datagram)) {
        while let Some(out) = self.stack.poll_write() {
            let now = out.now;
            self.detour(now, Datagram::of(out)).into_iter().for_each(&mut send);
        }
        self.path.iter_mut().chain(&mut self.sought).for_each(|path| path.datagrams(&mut send));
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
            // What a viewer says by message or media is not for us; not reading it would stop SCTP.
            while let Some(TaggedRTCMessage { message, .. }) = self.stack.poll_read() {
                inward::packet(&self.way, message).into_iter().for_each(&mut happened);
            }
            let Some(event) = self.stack.poll_event() else { break };
            self.event(now, event, &mut happened);
        }
        self.choose_path(&mut happened);
        self.datagrams(&mut send);
        if std::mem::take(&mut self.renamed) {
            happened(Happening::Renamed);
        }
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
                self.answered.into_iter().for_each(|far| happened(Happening::Reached(far)));
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
                self.connected.store(true, Ordering::Relaxed);
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
        let _ = self.stack.handle_read(tagged(now, inbound));
    }

    /// The stack has no event for the other's goodbye (close_notify), only this state.
    fn dtls_is_closed(&mut self) -> bool {
        self.ask_transport(|dtls| dtls.state() == RTCDtlsTransportState::Closed).unwrap_or(false)
    }

    fn ask_transport<T>(&mut self, ask: impl FnOnce(RTCDtlsTransport<'_>) -> T) -> Option<T> {
        match self.way {
            Way::Out { video, .. } => self.stack.rtp_sender(video)?.transport().map(ask),
            Way::In { video } => self.stack.rtp_receiver(video)?.transport().map(ask),
        }
    }

    fn write(&mut self, now: Instant, message: RTCMessage) {
        // The stack only queues here; what it cannot send it drops and the other end asks again.
        let _ = self.stack.handle_write(TaggedRTCMessage { now, message });
    }
}

/// `inbound` as the stack takes it.
fn tagged(now: Instant, inbound: Inbound) -> TaggedBytesMut {
    let transport = TransportContext {
        local_addr: inbound.to,
        peer_addr: inbound.from,
        transport_protocol: inbound.protocol.into(),
        ecn: None,
    };
    TaggedBytesMut { now, transport, message: inbound.bytes }
}

/// How long ICE waits: 3 s of silence make the other end doubtful, 5 s more make it gone, and a check
/// a second keeps consent fresh. Together under the 10 s in which one that vanished must be gone.
pub const DOUBT: Duration = Duration::from_secs(3);
pub const GIVE_UP: Duration = Duration::from_secs(5);
pub const KEEP_ALIVE: Duration = Duration::from_secs(1);
