//! What the built-in kinds promise together: pictures through filters, encoder, files and back.

mod encoded;
mod files;
mod images;
mod pictures;
mod recording;
mod rig;
mod rtsp;
