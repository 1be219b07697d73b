//! What viewers report back over RTCP, in our words.
//!
//! Owns the tap in the WebRTC stack's chain. Inbound RTCP ends here: the stack hands compound
//! packets on by the first part's SSRC and would lose a picture-loss report that follows an empty
//! receiver report.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// Reports waiting to be acted on. More than this between two looks is a flood.
const MOST_WAITING: usize = 64;
/// Numbers taken from one report of missing packets.
const MOST_MISSING: usize = 256;

/// One report.
#[derive(Clone, Debug, PartialEq)]
pub enum Feedback {
    /// A picture cannot be shown: PLI or FIR.
    PictureLost,
    /// Packets by their sequence numbers: NACK.
    Missing(Vec<u16>),
    /// A receiver report.
    Report {
        /// Share of packets lost since the last report, 0..=1.
        loss: f32,
        /// In units of media time.
        jitter: u32,
        /// The middle of the NTP time of our last report, and how long ago it came in.
        echo: Option<(u32, Duration)>,
    },
    /// What the viewer believes it can take, in bits per second: REMB.
    Estimate(u64),
}

/// Where the tap leaves reports. Clones share one box.
#[derive(Clone, Default)]
pub struct Reports(Arc<Mutex<VecDeque<Feedback>>>);

impl Reports {
    pub fn take(&self) -> VecDeque<Feedback> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn leave(&self, feedback: Feedback) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING {
            waiting.push_back(feedback);
        }
    }
}

/// A link of the stack's chain that keeps inbound RTCP and passes everything else.
pub struct Tap {
    reports: Reports,
    /// The SSRC of our video.
    ssrc: u32,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Tap {
    pub fn new(reports: Reports, ssrc: u32) -> Tap {
        Tap { reports, ssrc, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }

    fn read(&self, packet: &dyn rtcp::Packet) {
        let any = packet.as_any();
        if any.is::<PictureLossIndication>() || any.is::<FullIntraRequest>() {
            self.reports.leave(Feedback::PictureLost);
        } else if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            self.read_missing(nack);
        } else if let Some(report) = any.downcast_ref::<ReceiverReport>() {
            self.read_report(report);
        } else if let Some(estimate) = any.downcast_ref::<ReceiverEstimatedMaximumBitrate>()
            && estimate.bitrate.is_finite()
        {
            self.reports.leave(Feedback::Estimate(estimate.bitrate as u64));
        }
    }

    fn read_missing(&self, nack: &TransportLayerNack) {
        if nack.media_ssrc == self.ssrc {
            let missing = nack.nacks.iter().flat_map(|pair| pair.packet_list());
            self.reports.leave(Feedback::Missing(missing.take(MOST_MISSING).collect()));
        }
    }

    fn read_report(&self, report: &ReceiverReport) {
        let Some(ours) = report.reports.iter().find(|report| report.ssrc == self.ssrc) else { return };
        let delay = Duration::from_secs_f64(f64::from(ours.delay) / 65_536.0);
        self.reports.leave(Feedback::Report {
            loss: f32::from(ours.fraction_lost) / 256.0,
            jitter: ours.jitter,
            echo: (ours.last_sender_report != 0).then_some((ours.last_sender_report, delay)),
        });
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        match &packet.message.packet {
            Packet::Rtcp(parts) => parts.iter().for_each(|part| self.read(part.as_ref())),
            _ => self.inbound.push_back(packet),
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.outbound.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Error> {
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
