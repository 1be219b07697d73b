//! One encoded picture: the bytes an encoder call returns.
//!
//! Owns nothing but the value. Packets, NAL units and decoders are others' business.

use std::sync::Arc;

use super::annotations::Annotations;
use super::time::Pts;

/// All NAL units of one picture, in Annex B form (ITU-T H.264 Annex B: start codes between units).
#[derive(Clone, Debug)]
pub struct AccessUnit {
    /// Annex B bytes; a keyframe's begin with its SPS and PPS.
    pub data: Arc<[u8]>,
    /// An IDR picture: decodable alone, and nothing after it refers back past it.
    pub keyframe: bool,
    /// 0 for the base layer; pictures of a higher temporal layer may be dropped without harm to lower ones.
    pub layer: u8,
    /// The PTS of the frame it was made from.
    pub pts: Pts,
    /// The sequence number of the frame it was made from.
    pub sequence: u64,
    pub annotations: Arc<Annotations>,
}
