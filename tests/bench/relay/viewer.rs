//! One viewer of many: connects as a browser does, and from then on only looks at what comes.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Registry;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_RTX, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::RTCIceCandidateInit;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use super::arrival;

/// The first packet of a picture, at one viewer.
pub struct Seen {
    /// By its RTP time, which is the same for all viewers.
    pub picture: u32,
    /// On the kernel's clock.
    pub at: Duration,
}

pub struct Viewer {
    socket: UdpSocket,
    address: SocketAddr,
    stack: RTCPeerConnection,
    deadline: Option<Instant>,
    last: Option<u32>,
}

impl Viewer {
    /// Joins by WHEP.
    pub fn join(endpoint: &str) -> Result<Viewer, String> {
        let now = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        socket.set_nonblocking(true).map_err(|error| error.to_string())?;
        arrival::tell_times(&socket).map_err(|error| error.to_string())?;
        let address = socket.local_addr().map_err(|error| error.to_string())?;
        let mut viewer = Viewer { socket, address, stack: stack(now), deadline: Some(now), last: None };
        let offer = viewer.offer(now);
        let mut answer = ureq::post(endpoint)
            .header("Content-Type", "application/sdp")
            .send(offer)
            .map_err(|error| error.to_string())?;
        let answer = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let answer = RTCSessionDescription::answer(answer).expect("the server writes SDP");
        viewer.stack.set_remote_description(Instant::now(), answer).expect("its answer fits our offer");
        Ok(viewer)
    }

    pub fn is_served(&self) -> bool {
        self.last.is_some()
    }

    fn offer(&mut self, now: Instant) -> String {
        let offer = self.stack.create_offer(None).expect("a viewer can offer");
        self.stack.set_local_description(now, offer).expect("its own offer suits it");
        let candidate =
            format!("candidate:1 1 udp 2130706431 {} {} typ host", self.address.ip(), self.address.port());
        let candidate = RTCIceCandidateInit { candidate, ..Default::default() };
        self.stack.add_local_candidate(candidate).expect("a candidate of its own suits it");
        self.stack.local_description().expect("one was just set").sdp
    }

    /// Takes in what has come and does what is due.
    fn turn(&mut self, now: Instant, seen: &mut dyn FnMut(Seen)) {
        let mut buffer = [0; 2048];
        let mut fed = false;
        while let Some((length, from, at)) = arrival::receive(&self.socket, &mut buffer) {
            let bytes = &buffer[..length];
            match media_time(bytes) {
                Some(picture) if self.last != Some(picture) => {
                    self.last = Some(picture);
                    seen(Seen { picture, at });
                }
                Some(_) => {}
                None => {
                    fed = true;
                    self.feed(now, from, bytes);
                }
            }
        }
        if fed || self.deadline.is_some_and(|deadline| deadline <= now) {
            self.settle(now);
        }
    }

    fn feed(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let transport = TransportContext {
            local_addr: self.address,
            peer_addr: from,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        let message = BytesMut::from(bytes);
        self.stack.handle_read(TaggedBytesMut { now, transport, message }).expect("the stack takes anything");
    }

    fn settle(&mut self, now: Instant) {
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.handle_timeout(now).expect("time may pass");
        }
        loop {
            while let Some(out) = self.stack.poll_write() {
                // Addresses beyond loopback cannot be tried from here.
                let _ = self.socket.send_to(&out.message, out.transport.peer_addr);
            }
            while self.stack.poll_read().is_some() {}
            if self.stack.poll_event().is_none() {
                break;
            }
        }
        while let Some(out) = self.stack.poll_write() {
            let _ = self.socket.send_to(&out.message, out.transport.peer_addr);
        }
        self.deadline = self.stack.poll_timeout();
    }
}

/// Waits until something comes for one of them, at most `most`, and takes it in.
pub fn turn(viewers: &mut [Viewer], most: Duration, seen: &mut dyn FnMut(Seen)) {
    let now = Instant::now();
    let due = viewers.iter().filter_map(|viewer| viewer.deadline).min();
    let rest = due.map_or(most, |due| due.saturating_duration_since(now).min(most));
    let mut polled: Vec<libc::pollfd> = viewers
        .iter()
        .map(|viewer| libc::pollfd { fd: viewer.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let milliseconds = libc::c_int::try_from(rest.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: `polled` holds as many entries as we say and outlives the call.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
    let now = Instant::now();
    for (viewer, polled) in viewers.iter_mut().zip(&polled) {
        if polled.revents != 0 || viewer.deadline.is_some_and(|deadline| deadline <= now) {
            viewer.turn(now, seen);
        }
    }
}

/// The RTP time of a media packet; `None` for anything else (RFC 7983, RFC 5761 §4).
fn media_time(bytes: &[u8]) -> Option<u32> {
    let [128..=191, second, _, _, a, b, c, d, ..] = bytes else { return None };
    (!(192..=223).contains(second)).then(|| u32::from_be_bytes([*a, *b, *c, *d]))
}

fn stack(now: Instant) -> RTCPeerConnection {
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
        media.register_codec(codec, RtpCodecKind::Video).expect("these codecs are well-formed");
    }
    let settings = SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build();
    let mut stack = RTCPeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(Registry::new())
        .with_setting_engine(settings)
        .build(now)
        .expect("these settings agree with each other");
    stack.add_transceiver_from_kind(RtpCodecKind::Video, None).expect("a viewer may ask for video");
    stack
}
