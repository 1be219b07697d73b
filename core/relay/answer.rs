//! Answering a viewer's offer: sets up the `rtc` stack for it and writes the SDP.
//!
//! Owns the stack's settings, for publishers too. The rest of a connection's life is `peer`'s.

use std::net::SocketAddr;
use std::time::Instant;

use rand::Rng;
use rand::distr::Alphanumeric;
use rtc::crypto::{SignatureScheme, default_provider};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_RTX, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::{RTCDtlsRole, RTCIceCandidateInit};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::shared::error::Error;

use super::bundle::held_open;
use super::candidate::{active, candidate, passive};
use super::feedback::{Reports, Tap};
use super::offer::{Codec, Offer};
use super::peer::{DOUBT, GIVE_UP, KEEP_ALIVE, Names, Peer, Way};
use super::refusal::Refusal;

const CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
/// What viewers may report.
const FEEDBACK: [(&str, &str); 4] = [("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("goog-remb", "")];

/// How soon a viewer should show a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// The viewer smooths as it sees fit.
    Balanced,
    /// At once: the viewer is told not to hold pictures back.
    Lowest,
}

/// Who we are to all viewers: one DTLS certificate, so that no viewer waits for a new key.
#[derive(Clone)]
pub struct Identity(RTCCertificate);

impl Identity {
    /// # Errors
    /// What the cryptography said.
    pub fn generate() -> Result<Identity, String> {
        let provider = default_provider().map_err(|error| error.to_string())?;
        let names =
            CertificateParams::new(vec!["framegate".to_owned()]).map_err(|error| error.to_string())?;
        RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, names)
            .map(Identity)
            .map_err(|error| error.to_string())
    }

    pub(super) fn certificates(&self) -> Vec<RTCCertificate> {
        vec![self.0.clone()]
    }
}

/// Where viewers can reach us.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Addresses our sockets receive on.
    pub own: Vec<SocketAddr>,
    /// Addresses others know us by (NAT, containers); they lead to one of our own.
    pub also: Vec<SocketAddr>,
    /// Whether TCP is received as well, at the same addresses.
    pub tcp: bool,
    /// Whether only this machine is served: TCP goes by its loopback address alone then.
    pub here: bool,
}

impl Reach {
    /// Candidates for our own addresses, as in `a=candidate:`.
    pub fn own_candidates(&self) -> impl Iterator<Item = String> {
        self.own.iter().map(|address| candidate(address, 0)).chain(self.passive(0, &self.own))
    }

    /// Candidates for connecting by TCP from our own addresses.
    pub fn active_candidates(&self) -> impl Iterator<Item = String> {
        self.by_tcp(&self.own).enumerate().map(|(rank, address)| active(address, rank))
    }

    /// Candidates for the addresses that only others know us by.
    pub fn other_candidates(&self) -> impl Iterator<Item = String> {
        let udp = self.also.iter().enumerate().map(|(rank, address)| candidate(address, rank + 1));
        udp.chain(self.passive(self.own.len(), &self.also))
    }

    fn passive(&self, first: usize, addresses: &[SocketAddr]) -> impl Iterator<Item = String> {
        let addresses = self.by_tcp(addresses).filter(|_| self.tcp).enumerate();
        addresses.map(move |(rank, address)| passive(address, first + rank))
    }

    fn by_tcp<'a>(&self, addresses: &'a [SocketAddr]) -> impl Iterator<Item = &'a SocketAddr> + use<'a> {
        let here = self.here;
        addresses.iter().filter(move |address| !here || address.ip().is_loopback())
    }
}

/// Answers `offer`: the connection, waiting for the viewer's first check, and the SDP for it.
///
/// # Errors
/// [`Refusal::BadSdp`] when the stack cannot make sense of the offer.
pub fn answer(
    now: Instant,
    offer: &Offer,
    identity: &Identity,
    reach: &Reach,
    latency: Latency,
) -> Result<(Peer, String), Refusal> {
    negotiate(now, offer, identity, reach, latency).map_err(|error| Refusal::BadSdp(error.to_string()))
}

fn negotiate(
    now: Instant,
    offer: &Offer,
    identity: &Identity,
    reach: &Reach,
    latency: Latency,
) -> Result<(Peer, String), Error> {
    let (ssrc, rtx_ssrc) = ssrcs();
    let (fragment, reports) = (random_text(16), Reports::default());
    let registry = Registry::new().with(Slot::from(14_000), Tap::new(reports.clone(), ssrc));
    let mut stack = stack(now, identity, media(&offer.video, latency)?, registry, &fragment)?;
    let video = stack.add_track(track(&offer.video, ssrc, rtx_ssrc))?;
    let sdp = held_open(&offer.sdp, &agree(&mut stack, now, &offer.sdp, reach)?);
    let names = names(&mut stack, video, ssrc, rtx_ssrc)?;
    Ok((Peer::new(stack, Way::Out { video, names }, fragment, reports), sdp))
}

/// A connection of the WebRTC stack before anything was agreed.
pub(super) fn stack(
    now: Instant,
    identity: &Identity,
    media: MediaEngine,
    registry: Registry,
    fragment: &str,
) -> Result<RTCPeerConnection, Error> {
    RTCPeerConnectionBuilder::new()
        .with_configuration(
            RTCConfigurationBuilder::default().with_certificates(identity.certificates()).build(),
        )
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings(fragment))
        .build(now)
}

/// Takes an offer and gives the answer to it.
pub(super) fn agree(
    stack: &mut RTCPeerConnection,
    now: Instant,
    offer: &str,
    reach: &Reach,
) -> Result<String, Error> {
    stack.set_remote_description(now, RTCSessionDescription::offer(offer.to_owned())?)?;
    tell_candidates(stack, reach.own_candidates())?;
    let local = stack.create_answer(None)?;
    stack.set_local_description(now, local)?;
    local_sdp(stack, reach)
}

pub(super) fn tell_candidates(
    stack: &mut RTCPeerConnection,
    candidates: impl Iterator<Item = String>,
) -> Result<(), Error> {
    for candidate in candidates {
        let candidate = format!("candidate:{candidate}");
        stack.add_local_candidate(RTCIceCandidateInit { candidate, ..Default::default() })?;
    }
    // An empty one ends the list.
    stack.add_local_candidate(RTCIceCandidateInit::default())
}

/// Our side as it is sent to the other.
pub(super) fn local_sdp(stack: &RTCPeerConnection, reach: &Reach) -> Result<String, Error> {
    let sdp = stack.local_description().ok_or(Error::ErrNoRemoteDescription)?.sdp;
    Ok(polished(&sdp, reach))
}

/// Two SSRCs that differ and are not zero.
pub(super) fn ssrcs() -> (u32, u32) {
    let ssrc = rand::rng().random_range(1..u32::MAX - 1);
    (ssrc, ssrc + 1)
}

pub(super) fn random_text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

fn settings(fragment: &str) -> SettingEngine {
    SettingEngineBuilder::new()
        // As the server the first DTLS flight is the viewer's: one round trip less than asking.
        .with_answering_dtls_role(RTCDtlsRole::Server)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_timeouts(Some(DOUBT), Some(GIVE_UP), Some(KEEP_ALIVE))
        .with_ice_credentials(fragment.to_owned(), random_text(32))
        .build()
}

/// Exactly what was chosen from the offer, so that the stack's own matching has one outcome.
pub(super) fn media(video: &Codec, latency: Latency) -> Result<MediaEngine, Error> {
    let mut media = codecs(video, &FEEDBACK)?;
    let extensions: &[&str] = match latency {
        Latency::Balanced => &[CAPTURE_TIME],
        Latency::Lowest => &[CAPTURE_TIME, PLAYOUT_DELAY],
    };
    for uri in extensions {
        let extension = RTCRtpHeaderExtensionCapability { uri: (*uri).to_owned() };
        media.register_header_extension(extension, RtpCodecKind::Video, None)?;
    }
    Ok(media)
}

/// `video` and what repairs it, with the RTCP that goes back for it.
pub(super) fn codecs(video: &Codec, feedback: &[(&str, &str)]) -> Result<MediaEngine, Error> {
    let mut media = MediaEngine::default();
    media.register_codec(
        RTCRtpCodecParameters { rtp_codec: h264(video, feedback), payload_type: video.payload_type },
        RtpCodecKind::Video,
    )?;
    if let Some(rtx) = video.rtx {
        let rtp_codec = RTCRtpCodec {
            mime_type: MIME_TYPE_RTX.to_owned(),
            clock_rate: 90_000,
            sdp_fmtp_line: format!("apt={}", video.payload_type),
            ..Default::default()
        };
        media.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type: rtx }, RtpCodecKind::Video)?;
    }
    Ok(media)
}

fn h264(video: &Codec, feedback: &[(&str, &str)]) -> RTCRtpCodec {
    let feedback = feedback
        .iter()
        .map(|&(kind, parameter)| RTCPFeedback { typ: kind.to_owned(), parameter: parameter.to_owned() });
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: 90_000,
        sdp_fmtp_line: video.fmtp.clone(),
        rtcp_feedback: feedback.collect(),
        ..Default::default()
    }
}

pub(super) fn track(video: &Codec, ssrc: u32, rtx_ssrc: u32) -> MediaStreamTrack {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: video.rtx.map(|_| RTCRtpRtxParameters { ssrc: rtx_ssrc }),
            ..Default::default()
        },
        codec: h264(video, &FEEDBACK),
        active: true,
        ..Default::default()
    };
    MediaStreamTrack::new(
        "framegate".to_owned(),
        "video".to_owned(),
        "video".to_owned(),
        RtpCodecKind::Video,
        vec![encoding],
    )
}

/// What was agreed, read back from the stack rather than assumed.
pub(super) fn names(
    stack: &mut RTCPeerConnection,
    video: RTCRtpSenderId,
    ssrc: u32,
    rtx_ssrc: u32,
) -> Result<Names, Error> {
    let mut sender = stack.rtp_sender(video).ok_or(Error::ErrRTPSenderNoBaseEncoding)?;
    let agreed = &sender.get_parameters().rtp_parameters;
    let codec =
        |mime: &str| agreed.codecs.iter().find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(mime));
    let extension = |uri: &str| {
        let found = agreed.header_extensions.iter().find(|extension| extension.uri == uri)?;
        u8::try_from(found.id).ok()
    };
    Ok(Names {
        ssrc,
        payload_type: codec(MIME_TYPE_H264).ok_or(Error::ErrCodecNotFound)?.payload_type,
        rtx: codec(MIME_TYPE_RTX).map(|rtx| (rtx_ssrc, rtx.payload_type)),
        playout_delay: extension(PLAYOUT_DELAY),
        capture_time: extension(CAPTURE_TIME),
    })
}

/// Each candidate once (the stack lists them for RTCP too, which is multiplexed), and those that
/// only others know us by.
fn polished(sdp: &str, reach: &Reach) -> String {
    let mut text = String::with_capacity(sdp.len() + 128 * reach.also.len());
    let mut pending = Some(reach);
    for line in sdp.lines() {
        let is_candidate = line.starts_with("a=candidate:");
        if is_candidate && line.split(' ').nth(1) == Some("2") {
            continue;
        }
        if is_candidate || line.starts_with("a=end-of-candidates") {
            for candidate in pending.take().into_iter().flat_map(Reach::other_candidates) {
                text.push_str(&format!("a=candidate:{candidate}\r\n"));
            }
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}
