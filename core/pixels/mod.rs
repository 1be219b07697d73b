//! What can be done to pixels: drawing, sampling, converting, scaling and cropping.
//!
//! Owns the arithmetic, for every pixel format, odd sizes included. Used by `nodes` and `plugin`;
//! knows only `media`. Each operation is a function of its arguments: the same input gives the
//! same bytes on every run.

mod blocks;
mod colour;
mod convert;
mod crop;
pub mod draw;
mod packed;
mod rect;
mod resize;
mod sample;
mod scale;
mod still;

pub use colour::Rgba;
pub use convert::{convert, converted};
pub use crop::{crop, crop_size};
pub use draw::{Sprite, SpriteFault};
pub use packed::from_yuyv;
pub use rect::Rect;
pub use sample::{Sampled, sample, sample_cost};
pub use scale::{Fit, Method, scale};
pub use still::{Unshown, from_still, still_size};
