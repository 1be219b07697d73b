//! The OpenH264 encoder behind a safe face: the only file that calls it.
//!
//! The `openh264` crate's own `Encoder` knows one temporal layer, one slice and no change of
//! bitrate; this talks to the same library through its C interface, so that all three are set
//! before the first picture. Owns the native encoder and every `unsafe` of this kind; leaves when
//! to ask for what to `h264`.

use std::fmt;
use std::ptr::null_mut;

use openh264_sys2::source::APILoader;
use openh264_sys2::{
    CONSTANT_ID, ENCODER_OPTION_BITRATE, ENCODER_OPTION_TRACE_LEVEL, HIGH_COMPLEXITY, ISVCEncoder,
    ISVCEncoderVtbl, LOW_COMPLEXITY, MEDIUM_COMPLEXITY, PRO_BASELINE, RC_BITRATE_MODE, SBitrateInfo,
    SEncParamExt, SFrameBSInfo, SLayerBSInfo, SM_FIXEDSLCNUM_SLICE, SM_SINGLE_SLICE, SPATIAL_LAYER_ALL,
    SSourcePicture, WELS_LOG_QUIET, videoFormatI420, videoFrameTypeIDR,
};
use std::os::raw::{c_int, c_void};

use crate::media::{Colour, Frame, Matrix, PlaneRef, Range, Size};

/// The sides the encoder takes: its tables end at level 5.2.
pub(super) const MOST_LONG_SIDE: u32 = 3840;
pub(super) const MOST_SHORT_SIDE: u32 = 2160;

/// How much work goes into each picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complexity {
    Low,
    Medium,
    High,
}

/// What an encoder is made for; another size or colour needs another encoder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    /// Both sides even.
    pub size: Size,
    pub colour: Colour,
    pub frames_per_second: f32,
    /// Bits per second; also the most that can be asked for later.
    pub bitrate: u32,
    pub complexity: Complexity,
    /// Temporal layers, 1..=4.
    pub layers: u8,
    /// Threads, and slices a picture is cut into so that they have something to do.
    pub threads: u8,
}

/// What came of one picture.
pub(super) enum Encoded {
    Unit(Unit),
    /// Rate control left it out.
    Skipped,
}

/// One access unit, copied out of the encoder.
pub(super) struct Unit {
    pub data: std::sync::Arc<[u8]>,
    pub keyframe: bool,
    pub layer: u8,
}

/// A call that the library refused, and the code it gave.
#[derive(Debug)]
pub(super) struct Refused {
    call: &'static str,
    code: c_int,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "openh264 refused to {} (code {})", self.call, self.code)
    }
}

impl std::error::Error for Refused {}

/// A native encoder, created, initialised and owned by nobody else.
pub(super) struct Codec {
    native: *mut ISVCEncoder,
    size: Size,
    /// For a picture cut into several pieces of memory; kept to be used again.
    joined: Vec<u8>,
}

// SAFETY: the library keeps no thread-local state, and `&mut self` allows one caller at a time.
unsafe impl Send for Codec {}

impl Codec {
    pub fn new(aim: &Aim) -> Result<Codec, Refused> {
        let mut native: *mut ISVCEncoder = null_mut();
        // SAFETY: the out-pointer is valid; on success it holds an encoder that is destroyed in `drop`.
        checked("create an encoder", unsafe { APILoader::WelsCreateSVCEncoder(&raw mut native) })?;
        let codec = Codec { native, size: aim.size, joined: Vec::new() };
        let mut quiet: c_int = WELS_LOG_QUIET as c_int;
        codec.set("be quiet", ENCODER_OPTION_TRACE_LEVEL, &mut quiet)?;
        let table = codec.table();
        let (defaults, initialize) = (known(table.GetDefaultParams), known(table.InitializeExt));
        let mut params = SEncParamExt::default();
        // SAFETY: `params` outlives both calls, which read and write it and keep no pointer to it.
        checked("give its defaults", unsafe { defaults(native, &raw mut params) })?;
        write_params(&mut params, aim);
        checked("take these settings", unsafe { initialize(native, &raw const params) })?;
        Ok(codec)
    }

    /// Encodes a picture; `millis` rises from call to call.
    ///
    /// # Errors
    /// When the library refuses: a picture too dense for its buffer, for one. It has then given up
    /// the stream and is of no more use: another must be made.
    ///
    /// # Panics
    /// When the frame is smaller than the encoder's size or not I420.
    pub fn encode(&mut self, frame: &Frame, millis: i64) -> Result<Encoded, Refused> {
        let planes = [0, 1, 2].map(|index| frame.plane(index));
        self.assert_holds(&planes);
        let stride = |index: usize| planes[index].stride() as c_int;
        let start = |index: usize| planes[index].bytes().as_ptr().cast_mut();
        let picture = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [stride(0), stride(1), stride(2), 0],
            pData: [start(0), start(1), start(2), null_mut()],
            iPicWidth: self.size.width() as c_int,
            iPicHeight: self.size.height() as c_int,
            uiTimeStamp: millis,
            bPsnrY: false,
            bPsnrU: false,
            bPsnrV: false,
        };
        let mut written = SFrameBSInfo::default();
        let encode = known(self.table().EncodeFrame);
        // SAFETY: the planes were checked to hold the picture and are only read, within this call;
        // `written` is filled with pointers that stay valid until the next call on this encoder.
        checked("encode a picture", unsafe { encode(self.native, &raw const picture, &raw mut written) })?;
        Ok(self.copy_out(&written))
    }

    /// Makes the next picture a keyframe with its parameter sets before it.
    pub fn force_keyframe(&mut self) -> Result<(), Refused> {
        let force = known(self.table().ForceIntraFrame);
        // SAFETY: a plain call on a live encoder.
        checked("force a keyframe", unsafe { force(self.native, true) })
    }

    /// From the next picture on; no keyframe is needed for it.
    pub fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), Refused> {
        let bitrate = c_int::try_from(bits_per_second).unwrap_or(c_int::MAX);
        let mut wanted = SBitrateInfo { iLayer: SPATIAL_LAYER_ALL, iBitrate: bitrate };
        self.set("change its bitrate", ENCODER_OPTION_BITRATE, &mut wanted)
    }

    /// # Panics
    /// When `value` is not of the type that `option` takes: the two calls above are all there are.
    fn set<T>(&self, call: &'static str, option: c_int, value: &mut T) -> Result<(), Refused> {
        let set = known(self.table().SetOption);
        let value: *mut T = value;
        // SAFETY: `value` is what the option takes, and is read within the call.
        checked(call, unsafe { set(self.native, option, value.cast::<c_void>()) })
    }

    fn table(&self) -> &ISVCEncoderVtbl {
        // SAFETY: a created encoder points to its table of functions for as long as it lives.
        unsafe { &**self.native }
    }

    fn assert_holds(&self, planes: &[PlaneRef<'_>; 3]) {
        let (width, height) = (self.size.width() as usize, self.size.height() as usize);
        for (plane, by) in planes.iter().zip([1, 2, 2]) {
            let shape = plane.shape();
            assert!(
                shape.row_bytes >= width / by && shape.rows >= height / by,
                "a plane too small for its picture"
            );
        }
    }

    fn copy_out(&mut self, written: &SFrameBSInfo) -> Encoded {
        let layers = &written.sLayerInfo[..(written.iLayerNum.max(0) as usize).min(written.sLayerInfo.len())];
        let layers: Vec<(&[u8], u8)> = layers
            .iter()
            .map(|layer| (layer_bytes(layer), layer.uiTemporalId))
            .filter(|layer| !layer.0.is_empty())
            .collect();
        let Some((_, temporal)) = layers.last() else {
            return Encoded::Skipped;
        };
        let data = match layers.as_slice() {
            [(only, _)] => (*only).into(),
            several => {
                self.joined.clear();
                several.iter().for_each(|(bytes, _)| self.joined.extend_from_slice(bytes));
                self.joined.as_slice().into()
            }
        };
        Encoded::Unit(Unit { data, keyframe: written.eFrameType == videoFrameTypeIDR, layer: *temporal })
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        let uninitialize = known(self.table().Uninitialize);
        // SAFETY: the encoder is live, and nothing can use it after this.
        unsafe {
            uninitialize(self.native);
            APILoader::WelsDestroySVCEncoder(self.native);
        }
    }
}

/// The NAL units of one layer, which lie one after another.
fn layer_bytes(layer: &SLayerBSInfo) -> &[u8] {
    if layer.iNalCount <= 0 || layer.pBsBuf.is_null() || layer.pNalLengthInByte.is_null() {
        return &[];
    }
    // SAFETY: the library gives `iNalCount` lengths, and their sum is the length of its buffer; both
    // stay as they are until the next call on the encoder, which `copy_out` comes before.
    unsafe {
        let lengths = std::slice::from_raw_parts(layer.pNalLengthInByte, layer.iNalCount as usize);
        let length = lengths.iter().map(|length| (*length).max(0) as usize).sum();
        std::slice::from_raw_parts(layer.pBsBuf, length)
    }
}

fn checked(call: &'static str, code: c_int) -> Result<(), Refused> {
    if code == 0 { Ok(()) } else { Err(Refused { call, code }) }
}

fn known<F>(function: Option<F>) -> F {
    function.expect("the encoder's table of functions is complete")
}

fn write_params(params: &mut SEncParamExt, aim: &Aim) {
    let bitrate = c_int::try_from(aim.bitrate).unwrap_or(c_int::MAX);
    let (width, height) = (aim.size.width() as c_int, aim.size.height() as c_int);
    (params.iPicWidth, params.iPicHeight) = (width, height);
    params.fMaxFrameRate = aim.frames_per_second;
    params.iRCMode = RC_BITRATE_MODE;
    (params.iTargetBitrate, params.iMaxBitrate) = (bitrate, bitrate);
    // Without leave to skip, the library will not hold a bitrate.
    params.bEnableFrameSkip = true;
    params.iComplexityMode = match aim.complexity {
        Complexity::Low => LOW_COMPLEXITY,
        Complexity::Medium => MEDIUM_COMPLEXITY,
        Complexity::High => HIGH_COMPLEXITY,
    };
    // Keyframes come when they are asked for, and never by the library's own idea of a scene.
    params.uiIntraPeriod = 0;
    params.bEnableSceneChangeDetect = false;
    // The same at every keyframe: a file has one set of parameters, and other numbers would be other ones.
    params.eSpsPpsIdStrategy = CONSTANT_ID;
    params.iTemporalLayerNum = c_int::from(aim.layers);
    params.iMultipleThreadIdc = u16::from(aim.threads);
    params.iSpatialLayerNum = 1;
    let layer = &mut params.sSpatialLayers[0];
    (layer.iVideoWidth, layer.iVideoHeight) = (width, height);
    layer.fFrameRate = aim.frames_per_second;
    (layer.iSpatialBitrate, layer.iMaxSpatialBitrate) = (bitrate, bitrate);
    // Constrained baseline: what every browser decodes.
    layer.uiProfileIdc = PRO_BASELINE;
    // One slice is cheapest; more than one is the only way that threads help.
    layer.sSliceArgument.uiSliceMode = if aim.threads > 1 { SM_FIXEDSLCNUM_SLICE } else { SM_SINGLE_SLICE };
    layer.sSliceArgument.uiSliceNum = u32::from(aim.threads);
    let [primaries, transfer, matrix] = colour_codes(aim.colour.matrix);
    layer.bVideoSignalTypePresent = true;
    layer.bColorDescriptionPresent = true;
    layer.bFullRange = aim.colour.range == Range::Full;
    layer.uiColorPrimaries = primaries;
    layer.uiTransferCharacteristics = transfer;
    layer.uiColorMatrix = matrix;
}

/// Primaries, transfer and matrix of the stream's colour description (ITU-T H.264 tables E-3 to E-5).
fn colour_codes(matrix: Matrix) -> [u8; 3] {
    match matrix.0 {
        1 => [1, 1, 1],
        // One triple for both kinds of SD: browsers know it best.
        5 | 6 => [6, 6, 6],
        9 => [9, 14, 9],
        other => [2, 2, other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FrameFormat, PixelFormat, Pool, Pts};

    fn aim(width: u32, height: u32) -> Aim {
        let size = Size::new(width, height).unwrap();
        Aim {
            size,
            colour: Colour::assumed(PixelFormat::I420, size),
            frames_per_second: 30.0,
            bitrate: 500_000,
            complexity: Complexity::Low,
            layers: 1,
            threads: 1,
        }
    }

    /// Noise of `bits` bits: 8 are more than any bitrate holds.
    fn noise(size: Size, seed: u64, bits: u32) -> Frame {
        let format = FrameFormat::new(PixelFormat::I420, size);
        let mut frame = Frame::pooled(&Pool::new(1 << 24), format, Pts::ZERO, 0).unwrap();
        let mut state = seed | 1;
        for plane in frame.planes_mut().unwrap().iter_mut() {
            plane.rows().flatten().for_each(|value| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *value = (state >> (64 - bits)) as u8;
            });
        }
        frame
    }

    fn units(aim: &Aim, bits: u32, count: i64) -> Vec<Option<Unit>> {
        let mut codec = Codec::new(aim).unwrap();
        let encode =
            |number| match codec.encode(&noise(aim.size, number as u64 / 3, bits), number * 33).unwrap() {
                Encoded::Unit(unit) => Some(unit),
                Encoded::Skipped => None,
            };
        (0..count).map(encode).collect()
    }

    /// The types of the NAL units in Annex B bytes.
    fn nal_types(data: &[u8]) -> Vec<u8> {
        let starts = data.windows(4).enumerate().filter(|(_, window)| window[..3] == [0, 0, 1]);
        starts.map(|(_, window)| window[3] & 31).collect()
    }

    #[test]
    fn a_stream_begins_with_its_parameter_sets_in_constrained_baseline() {
        let units = units(&aim(320, 240), 4, 3);
        let first = units[0].as_ref().unwrap();
        assert!(first.keyframe);
        assert_eq!(nal_types(&first.data), [7, 8, 5]);
        let (profile, constraints) = (first.data[5], first.data[6]);
        assert_eq!((profile, constraints & 0b0100_0000), (66, 0b0100_0000));
    }

    #[test]
    fn threads_cut_pictures_into_slices() {
        let aim = Aim { threads: 2, ..aim(320, 240) };
        assert_eq!(nal_types(&units(&aim, 4, 1)[0].as_ref().unwrap().data), [7, 8, 5, 5]);
    }

    #[test]
    fn layers_take_turns() {
        let aim = Aim { layers: 3, bitrate: 4_000_000, ..aim(320, 240) };
        let layers: Vec<u8> = units(&aim, 4, 5).into_iter().map(|unit| unit.unwrap().layer).collect();
        assert_eq!(layers, [0, 2, 1, 2, 0]);
    }

    #[test]
    fn a_picture_that_rate_control_leaves_out_is_said_to_be() {
        let aim = Aim { bitrate: 30_000, ..aim(640, 480) };
        assert!(units(&aim, 7, 20).iter().any(Option::is_none));
    }

    #[test]
    fn settings_the_library_cannot_take_are_an_error() {
        assert!(Codec::new(&Aim { bitrate: 0, ..aim(320, 240) }).is_err());
    }
}
