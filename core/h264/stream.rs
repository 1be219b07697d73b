//! What a stream says of all its pictures, in its sequence parameter set.

use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, SeqParameterSet, VuiParameters};
use h264_reader::rbsp::{BitReader, decode_nal};

use crate::media::annex_b::{self, SPS};
use crate::media::{Colour, FrameFormat, Matrix, PixelFormat, Range, Rate, Size};

/// The largest picture of level 5.2.
const MOST_PIXELS: u32 = 4096 * 2304;

/// A stream that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    pub size: Size,
    pub colour: Colour,
    /// Where the stream says it.
    pub rate: Option<Rate>,
    /// Whether it promises to show its pictures in the order in which they come.
    pub in_order: bool,
}

impl Stream {
    /// From the first sequence parameter set in Annex B bytes; `None` when they hold none.
    ///
    /// # Errors
    /// What is not supported, as the end of a sentence that begins with the name of the stream.
    pub fn find(annex_b: &[u8]) -> Option<Result<Stream, String>> {
        annex_b::units(annex_b).find(|unit| annex_b::kind(unit) == SPS).map(Stream::read)
    }

    /// From a sequence parameter set.
    ///
    /// # Errors
    /// As [`Stream::find`].
    pub fn read(sps: &[u8]) -> Result<Stream, String> {
        let unreadable = |what: String| format!("has a parameter set that cannot be read ({what})");
        let bytes = decode_nal(sps).map_err(|error| unreadable(error.to_string()))?;
        let sps = SeqParameterSet::from_bits(BitReader::new(bytes.as_ref()))
            .map_err(|error| unreadable(format!("{error:?}")))?;
        let chroma = &sps.chroma_info;
        if chroma.chroma_format != ChromaFormat::YUV420 || chroma.separate_colour_plane_flag {
            return Err(format!(
                "has {:?} chroma, and only 4:2:0 is decoded (ffmpeg -pix_fmt yuv420p)",
                chroma.chroma_format
            ));
        }
        if chroma.bit_depth_luma_minus8 != 0 || chroma.bit_depth_chroma_minus8 != 0 {
            let bits = u32::from(chroma.bit_depth_luma_minus8) + 8;
            return Err(format!(
                "has {bits} bits a sample, and only 8 are decoded (ffmpeg -pix_fmt yuv420p)"
            ));
        }
        if sps.frame_mbs_flags != FrameMbsFlags::Frames {
            return Err("is interlaced, which is not decoded; deinterlace it first".to_owned());
        }
        let (width, height) = sps.pixel_dimensions().map_err(|error| unreadable(format!("{error:?}")))?;
        let size = Size::new(width, height).filter(|_| width.saturating_mul(height) <= MOST_PIXELS);
        let size = size.ok_or_else(|| format!("is {width}x{height}, and at most 4096x2304 is decoded"))?;
        let vui = sps.vui_parameters.as_ref();
        let restrictions = vui.and_then(|vui| vui.bitstream_restrictions.as_ref());
        Ok(Stream {
            size,
            colour: vui.map_or(assumed(size), |vui| colour(vui, size)),
            rate: vui.and_then(rate),
            // Baseline has no B-pictures at all.
            in_order: sps.profile_idc == 66.into()
                || restrictions.is_some_and(|said| said.max_num_reorder_frames == 0),
        })
    }

    /// What its decoded pictures are.
    pub fn format(&self) -> FrameFormat {
        FrameFormat { pixel: PixelFormat::I420, size: self.size, colour: self.colour }
    }
}

fn assumed(size: Size) -> Colour {
    Colour::assumed(PixelFormat::I420, size)
}

fn colour(vui: &VuiParameters, size: Size) -> Colour {
    let Some(signal) = &vui.video_signal_type else { return assumed(size) };
    let matrix = signal.colour_description.as_ref().map(|colour| Matrix(colour.matrix_coefficients));
    Colour {
        matrix: matrix.filter(|matrix| *matrix != Matrix::UNSPECIFIED).unwrap_or(assumed(size).matrix),
        range: if signal.video_full_range_flag { Range::Full } else { Range::Limited },
    }
}

/// A tick is the time of a field, and a frame has two (clause E.2.1).
fn rate(vui: &VuiParameters) -> Option<Rate> {
    let timing = vui.timing_info.as_ref()?;
    let (mut frames, mut seconds) = (u64::from(timing.time_scale), 2 * u64::from(timing.num_units_in_tick));
    let (mut a, mut b) = (frames, seconds);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (frames, seconds) = (frames.checked_div(a)?, seconds.checked_div(a)?);
    Rate::new(u32::try_from(frames).ok()?, u32::try_from(seconds).ok()?)
}
