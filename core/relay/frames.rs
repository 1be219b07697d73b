//! Datagrams in a stream of bytes (RFC 4571): each behind its length, two bytes of it.
//!
//! Owns what has come of a frame that is not whole yet, bounded to one frame. Knows nothing of sockets.

use bytes::{Buf, BytesMut};

const HEADER: usize = 2;
/// What is taken at most, of the 65,535 bytes that a frame could have: a viewer sends here what it would
/// send by UDP, which is no longer than a packet of its network.
pub const MOST_BYTES: usize = 8192;

/// A frame is longer than is taken: what comes after it cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Puts datagrams together from what was read.
#[derive(Default)]
pub struct Frames {
    /// The frame that is coming, with its header.
    partial: BytesMut,
}

impl Frames {
    /// Gives each datagram that `bytes` complete to `take`; empty ones are passed over.
    ///
    /// # Errors
    /// When a frame is longer than [`MOST_BYTES`]; what follows cannot be read either.
    pub fn push(&mut self, mut bytes: &[u8], mut take: impl FnMut(BytesMut)) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            let wanted = self.wanted()?;
            let (more, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.partial.extend_from_slice(more);
            bytes = rest;
            if self.wanted()? == 0 {
                let mut datagram = std::mem::take(&mut self.partial);
                datagram.advance(HEADER);
                if !datagram.is_empty() {
                    take(datagram);
                }
            }
        }
        Ok(())
    }

    /// Bytes that are missing of the header, or of the frame once its header is there.
    fn wanted(&self) -> Result<usize, TooLong> {
        let [high, low, body @ ..] = &self.partial[..] else { return Ok(HEADER - self.partial.len()) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length > MOST_BYTES {
            return Err(TooLong);
        }
        Ok(length - body.len())
    }
}

/// Appends `datagram` as a frame. Gives how many bytes it takes; none, when it is too long for one.
pub fn put(datagram: &[u8], onto: &mut Vec<u8>) -> usize {
    let Ok(length) = u16::try_from(datagram.len()) else { return 0 };
    onto.extend_from_slice(&length.to_be_bytes());
    onto.extend_from_slice(datagram);
    HEADER + datagram.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(datagrams: &[&[u8]]) -> Vec<u8> {
        let mut stream = vec![];
        datagrams.iter().for_each(|datagram| assert_eq!(put(datagram, &mut stream), 2 + datagram.len()));
        stream
    }

    fn read(frames: &mut Frames, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = vec![];
        frames.push(bytes, |datagram| all.push(datagram.to_vec())).unwrap();
        all
    }

    #[test]
    fn datagrams_come_out_whole_however_the_stream_is_cut() {
        let longest = vec![7; MOST_BYTES];
        let datagrams: [&[u8]; 4] = [b"first", b"2", &longest, b"last"];
        let stream = framed(&datagrams);
        for step in [1, 2, 3, 5, 7, 1000, 8193, stream.len()] {
            let mut frames = Frames::default();
            let all: Vec<Vec<u8>> = stream.chunks(step).flat_map(|bytes| read(&mut frames, bytes)).collect();
            assert_eq!(all, datagrams, "in steps of {step}");
            assert!(frames.partial.is_empty());
        }
    }

    #[test]
    fn empty_frames_are_passed_over() {
        let mut frames = Frames::default();
        assert_eq!(read(&mut frames, &framed(&[b"", b"one", b"", b"", b"two", b""])), [b"one", b"two"]);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_by_its_header() {
        for length in [MOST_BYTES as u16 + 1, u16::MAX] {
            let mut frames = Frames::default();
            assert!(read(&mut frames, &length.to_be_bytes()[..1]).is_empty());
            assert_eq!(frames.push(&length.to_be_bytes()[1..], |_| ()), Err(TooLong), "{length}");
        }
        let (mut stream, long) = (vec![], vec![0; usize::from(u16::MAX) + 1]);
        assert_eq!((put(&long, &mut stream), stream.len()), (0, 0));
    }
}
