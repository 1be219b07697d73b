//! Clips for tests, as uncompressed Y4M: `ffmpeg -i clip.mp4 -pix_fmt yuv420p clip.y4m`.

use std::io::{BufRead, Write};

use super::Picture;
use crate::{Error, PixelFormat, Result, Size};

/// All pictures of a 4:2:0 clip, timed by its rate.
///
/// # Errors
/// When it is no such clip, or ends within a picture.
pub fn read_y4m(mut from: impl BufRead) -> Result<Vec<Picture>> {
    let mut header = String::new();
    from.read_line(&mut header)?;
    let clip = Header::parse(&header)?;
    let mut pictures = Vec::new();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        if !line.starts_with(b"FRAME") {
            return Err(Error::invalid(format!("no picture where picture {} should be", pictures.len())));
        }
        line.clear();
        let sequence = pictures.len() as u64;
        let pts_ns = i128::from(sequence) * 1_000_000_000 * i128::from(clip.rate.1) / i128::from(clip.rate.0);
        let mut picture = Picture::new(PixelFormat::I420, clip.size).at(sequence, pts_ns as i64);
        for index in 0..3 {
            let mut bytes = picture.plane(index);
            from.read_exact(&mut bytes)?;
            picture = picture.with_plane(index, &bytes);
        }
        pictures.push(picture);
    }
    Ok(pictures)
}

/// A clip at 30 pictures a second.
///
/// # Errors
/// When writing fails, or a picture is not I420.
pub fn write_y4m<'a>(mut to: impl Write, pictures: impl IntoIterator<Item = &'a Picture>) -> Result<()> {
    for (index, picture) in pictures.into_iter().enumerate() {
        if picture.format() != PixelFormat::I420 {
            return Err(Error::unsupported(format!("{:?} is not written to Y4M", picture.format())));
        }
        if index == 0 {
            let size = picture.info().size;
            writeln!(to, "YUV4MPEG2 W{} H{} F30:1 Ip C420jpeg", size.width, size.height)?;
        }
        to.write_all(b"FRAME\n")?;
        (0..3).try_for_each(|plane| to.write_all(&picture.plane(plane)))?;
    }
    Ok(())
}

/// Where the chroma lies differs; how it is stored does not.
const EIGHT_BITS: [&str; 4] = ["420", "420jpeg", "420mpeg2", "420paldv"];

struct Header {
    size: Size,
    /// Pictures per so many seconds.
    rate: (u32, u32),
}

impl Header {
    fn parse(line: &str) -> Result<Header> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |key: char| words.iter().skip(1).find_map(|word| word.strip_prefix(key));
        let side = |key| word(key).and_then(|text| text.parse().ok()).filter(|side| *side > 0);
        let rate = word('F').and_then(|text| text.split_once(':'));
        let rate = rate.and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?))).filter(|(n, _)| *n > 0);
        let colour = word('C').unwrap_or("420");
        match (words.first(), side('W'), side('H')) {
            (Some(&"YUV4MPEG2"), Some(width), Some(height)) if EIGHT_BITS.contains(&colour) => {
                Ok(Header { size: Size::new(width, height), rate: rate.unwrap_or((30, 1)) })
            }
            _ => Err(Error::unsupported(format!(
                "\"{}\" is not a Y4M clip with 8 bits and 4:2:0",
                line.trim()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_clip_is_read_back() {
        let pictures = [3, 9].map(|luma| {
            Picture::new(PixelFormat::I420, Size::new(4, 2)).with_plane(0, &[luma; 8]).with_plane(2, &[1, 2])
        });
        let mut clip = Vec::new();
        write_y4m(&mut clip, &pictures).unwrap();
        let read = read_y4m(&clip[..]).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[1].plane(0), read[1].plane(2)), (vec![9; 8], vec![1, 2]));
        assert_eq!(read[1].info().pts_ns, 33_333_333);
    }

    #[test]
    fn other_files_and_cut_clips_are_errors() {
        assert!(read_y4m(&b"RIFF"[..]).is_err());
        assert!(read_y4m(&b"YUV4MPEG2 W4 H2 F30:1 C420p10\n"[..]).is_err());
        assert!(read_y4m(&b"YUV4MPEG2 W4 H2 F30:1\nFRAME\n12345"[..]).is_err());
    }
}
