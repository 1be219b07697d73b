//! The header of a YUV4MPEG2 stream, as `file` reads it.
//!
//! Owns which of its many variants we take, and where in the file a fault is.

use crate::media::{PixelFormat, Range, Rate, Size};

const MAGIC: &str = "YUV4MPEG2";
/// No header in the world is longer; what is has no line end to find.
pub(super) const MOST_HEADER: usize = 1024;

/// What a stream says about all of its pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub pixel: PixelFormat,
    pub size: Size,
    /// `None` where it says `F0:0`: unknown.
    pub rate: Option<Rate>,
    pub range: Option<Range>,
}

/// What is wrong, and at which byte of the header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub offset: usize,
    pub message: String,
}

/// Reads a header line, its line end left out.
pub(super) fn parse(line: &[u8]) -> Result<Header, Fault> {
    let fault = |offset, message: String| Fault { offset, message };
    let text = std::str::from_utf8(line)
        .map_err(|error| fault(error.valid_up_to(), "the header is not text".into()))?;
    let mut words = words(text);
    match words.next() {
        Some((_, MAGIC)) => {}
        _ => {
            let rule = format!("this is no Y4M file: it does not begin with {MAGIC}, nor as MP4 or H.264 do");
            return Err(fault(0, rule));
        }
    }
    let (mut width, mut height, mut rate, mut range) = (None, None, None, None);
    let mut pixel = PixelFormat::I420;
    for (offset, word) in words {
        let (tag, value) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        let bad = |what: &str| fault(offset, format!("\"{word}\" is no {what}"));
        match tag {
            "W" => width = Some(value.parse::<u32>().map_err(|_| bad("width"))?),
            "H" => height = Some(value.parse::<u32>().map_err(|_| bad("height"))?),
            "F" => rate = read_rate(value).ok_or_else(|| bad("frame rate"))?,
            "C" => pixel = read_format(value).map_err(|message| fault(offset, message))?,
            "I" if matches!(value, "t" | "b" | "m") => {
                return Err(fault(
                    offset,
                    "interlaced pictures are not supported; deinterlace them first".into(),
                ));
            }
            "X" => range = read_range(value).or(range),
            // Aspect and whatever else there may be change nothing about the samples.
            _ => {}
        }
    }
    let (Some(width), Some(height)) = (width, height) else {
        return Err(fault(line.len(), "the header gives no width and height".into()));
    };
    let size = Size::new(width, height).ok_or_else(|| {
        fault(0, format!("each side must be between 1 and {}, got {width}x{height}", Size::MAX))
    })?;
    Ok(Header { pixel, size, rate, range })
}

/// Each word with the byte it begins at.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = text.as_ptr() as usize;
    text.split(' ').filter(|word| !word.is_empty()).map(move |word| (word.as_ptr() as usize - start, word))
}

/// `Some(None)` is `0:0`, which says that the rate is unknown.
fn read_rate(value: &str) -> Option<Option<Rate>> {
    let (frames, seconds) = value.split_once(':')?;
    match (frames.parse().ok()?, seconds.parse().ok()?) {
        (0, 0) => Some(None),
        (frames, seconds) => Rate::new(frames, seconds).map(Some),
    }
}

fn read_format(value: &str) -> Result<PixelFormat, String> {
    match value {
        // They differ in where chroma is sited, by half a pixel at the most.
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(PixelFormat::I420),
        "mono" => Ok(PixelFormat::Gray8),
        other => Err(format!(
            "the colour format \"{other}\" is not supported; there are 420, 420jpeg, 420mpeg2, 420paldv and mono \
             (ffmpeg -pix_fmt yuv420p makes one)"
        )),
    }
}

fn read_range(value: &str) -> Option<Range> {
    match value {
        "COLORRANGE=FULL" => Some(Range::Full),
        "COLORRANGE=LIMITED" => Some(Range::Limited),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_others_write_them() {
        let header =
            parse(b"YUV4MPEG2 W1280 H720 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL")
                .unwrap();
        assert_eq!(header.size.to_string(), "1280x720");
        assert_eq!(header.rate, Rate::new(30000, 1001));
        assert_eq!((header.pixel, header.range), (PixelFormat::I420, Some(Range::Full)));
        let mono = parse(b"YUV4MPEG2 H3 W5 Cmono F0:0").unwrap();
        assert_eq!((mono.pixel, mono.rate, mono.range), (PixelFormat::Gray8, None, None));
    }

    #[test]
    fn a_fault_names_its_byte_and_what_stands_there() {
        let fault = |line: &[u8]| {
            let fault = parse(line).unwrap_err();
            format!("{}: {}", fault.offset, fault.message)
        };
        assert!(fault(b"RIFF1234").starts_with("0: this is no Y4M file"));
        assert_eq!(fault(b"YUV4MPEG2 Wten H2"), "10: \"Wten\" is no width");
        assert_eq!(fault(b"YUV4MPEG2 W10 H2 F30"), "17: \"F30\" is no frame rate");
        assert!(
            fault(b"YUV4MPEG2 W10 H2 C422").starts_with("17: the colour format \"422\" is not supported")
        );
        assert!(fault(b"YUV4MPEG2 W10 H2 C420p10").contains("\"420p10\""));
        assert!(fault(b"YUV4MPEG2 W10 H2 It").contains("interlaced"));
        assert_eq!(fault(b"YUV4MPEG2 W10"), "13: the header gives no width and height");
        assert!(fault(b"YUV4MPEG2 W99999 H2").contains("99999x2"));
        assert_eq!(fault(b"YUV4MPEG2 \xff"), "10: the header is not text");
    }
}
