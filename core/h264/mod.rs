//! H.264 as bytes: its units, its parameter sets, and pictures decoded from it.
//!
//! Owns what sources of encoded video and the `h264_decode` kind have in common, the OpenH264
//! decoder included. Leaves encoding to the `h264` kind, and packets to the relay.

mod decoder;
mod nal;
mod sets;
mod split;
mod stream;

pub use decoder::{Decoded, Decoder, Order, Picture, Trouble};
pub use nal::{annex_b, is_b_picture};
pub use sets::Sets;
pub use split::{Splitter, TooLong};
pub use stream::Stream;
