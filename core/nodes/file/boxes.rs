//! The boxes of an MP4 file that say where its pictures are (ISO/IEC 14496-12 §4.2).
//!
//! Owns finding them in a file of any size without reading its pictures, and telling where one is cut
//! short or contradicts itself. Each is read by `re_mp4`; what it means is for `mp4` and `fragments`.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use re_mp4::{Avc1Box, MoofBox, MoovBox, ReadBox, StsdBoxContent, TrakBox};

use super::fragments::Fragments;

const MOST_BOX: u64 = 512 << 20;

/// What a file says of where its pictures are.
pub(super) struct Index {
    /// Where its `moov` box begins.
    pub at: u64,
    pub moov: MoovBox,
    /// Of a file in fragments.
    pub fragments: Option<Fragments>,
}

/// # Errors
/// A sentence with the byte.
pub(super) fn index(file: &mut File, length: u64) -> Result<Index, String> {
    let mut at = 0;
    let mut found: Option<Index> = None;
    while at < length {
        let in_fragments = found.as_ref().is_some_and(|found| found.fragments.is_some());
        let (name, header, size) = match box_at(file, at, length) {
            // What is cut short in mid-fragment was whole up to there.
            Err(_) if in_fragments => break,
            read => read?,
        };
        if size > length - at && in_fragments {
            break;
        }
        if size > length - at {
            let (name, have) = (String::from_utf8_lossy(&name).into_owned(), length - at);
            return Err(format!(
                "byte {at}: the file is cut short: its \"{name}\" box has {size} bytes, of which {have} are there"
            ));
        }
        match (&name, &mut found) {
            (b"moov", _) => {
                let moov: MoovBox = boxed(file, at, header, size, "moov")?;
                let fragments = moov.mvex.is_some().then(Fragments::default);
                found = Some(Index { at, moov, fragments });
            }
            (b"moof", Some(Index { moov, fragments: Some(fragments), .. })) => {
                let moof: MoofBox = boxed(file, at, header, size, "moof")?;
                if let Some((track, _)) = h264_track(moov) {
                    let id = track.tkhd.track_id;
                    fragments.add(at, &moof, moov, id).map_err(|what| format!("byte {at}: {what}"))?;
                }
            }
            (b"moof", _) => return Err(format!("byte {at}: a fragment, and nothing before it says of what")),
            _ => {}
        }
        at += size;
    }
    found.ok_or_else(|| "it has no \"moov\" box: the recording was never finished".to_owned())
}

/// The box called `name` at `at`.
fn boxed<T>(file: &mut File, at: u64, header: u64, size: u64, name: &str) -> Result<T, String>
where
    for<'a, 'b> T: ReadBox<&'a mut Bounded<'b>>,
{
    let unreadable = |error: std::io::Error| error.to_string();
    if size > MOST_BOX {
        return Err(format!("byte {at}: its \"{name}\" box has {size} bytes, at most {MOST_BOX} are read"));
    }
    // With a short header, whatever it had, as the library reckons from there.
    let mut bytes = vec![0; 8];
    file.seek(SeekFrom::Start(at + header)).map_err(unreadable)?;
    file.take(size - header).read_to_end(&mut bytes).map_err(unreadable)?;
    parsed(&bytes).map_err(|error| format!("byte {at}: its \"{name}\" box cannot be read: {error}"))
}

/// Name, header bytes and whole size of the box at `at`.
fn box_at(file: &mut File, at: u64, length: u64) -> Result<([u8; 4], u64, u64), String> {
    let cut = |_| format!("byte {at}: the file is cut short inside the header of a box");
    let mut header = [0; 8];
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut header)).map_err(cut)?;
    let [a, b, c, d, name @ ..] = header;
    let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, length - at),
        1 => {
            let mut long = [0; 8];
            file.read_exact(&mut long).map_err(cut)?;
            (16, u64::from_be_bytes(long))
        }
        size => (8, u64::from(size)),
    };
    match size < header {
        true => Err(format!("byte {at}: a box has {size} bytes, fewer than its own header")),
        false => Ok((name, header, size)),
    }
}

fn parsed<T>(bytes: &[u8]) -> Result<T, String>
where
    for<'a, 'b> T: ReadBox<&'a mut Bounded<'b>>,
{
    let mut reader = Bounded { bytes: Cursor::new(bytes), left: 8 * bytes.len() };
    reader.bytes.set_position(8);
    // The library reckons with sizes that a broken file may make absurd.
    let read = catch_unwind(AssertUnwindSafe(|| T::read_box(&mut reader, bytes.len() as u64)));
    match read {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("its boxes contradict each other".to_owned()),
    }
}

/// Bytes that can be read only so often: over a box of no length the library would stay for ever.
struct Bounded<'a> {
    bytes: Cursor<&'a [u8]>,
    left: usize,
}

impl Read for Bounded<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(into)?;
        self.left = self.left.checked_sub(read).ok_or_else(|| std::io::Error::other("it goes in circles"))?;
        Ok(read)
    }
}

impl Seek for Bounded<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// The first track of a file that is H.264.
pub(super) fn h264_track(moov: &MoovBox) -> Option<(&TrakBox, &Avc1Box)> {
    moov.traks.iter().find_map(|track| match &track.mdia.minf.stbl.stsd.contents {
        StsdBoxContent::Avc1(avc) => Some((track, avc)),
        _ => None,
    })
}
