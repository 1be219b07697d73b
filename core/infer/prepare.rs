//! From a part of a frame to the input of a network: scaled, converted, normalised, in its order.

use tract_onnx::prelude::Tensor;

use super::network::{Element, Unrun};
use crate::media::{Frame, Pool};
use crate::node::{Layout, ModelInput};
use crate::pixels::{Rect, Sampled, sample};

/// Makes the tensor. One made of bytes takes them as they are.
///
/// # Errors
/// [`Unrun::Misfit`] for an area outside the picture, [`Unrun::Failed`] when the memory for frames is
/// used up.
pub fn prepare(
    frame: &Frame,
    area: Option<Rect>,
    input: &ModelInput,
    element: Element,
    pool: &Pool,
) -> Result<Tensor, Unrun> {
    let mut bytes = Vec::new();
    match sample(frame, area, input.size, input.pixel, pool, &mut bytes) {
        Ok(Sampled::Filled) => {}
        Ok(Sampled::Outside) => {
            return Err(Unrun::Misfit("the area to look at lies outside the picture".to_owned()));
        }
        Err(full) => return Err(Unrun::Failed(full.to_string())),
    }
    let shape = input.shape();
    let tensor = match element {
        Element::U8 => Tensor::from_shape(&shape, &ordered(&bytes, input, |byte, _| byte)),
        Element::F32 => {
            let normal =
                |byte, channel: usize| (f32::from(byte) - input.mean[channel]) / input.deviation[channel];
            Tensor::from_shape(&shape, &ordered(&bytes, input, normal))
        }
    };
    tensor.map_err(|error| Unrun::Failed(error.to_string()))
}

/// The bytes of pixels as numbers in the order of the input.
fn ordered<T>(bytes: &[u8], input: &ModelInput, number: impl Fn(u8, usize) -> T) -> Vec<T> {
    let channels = input.channels();
    match input.layout {
        Layout::Nhwc => {
            let pixels = bytes.chunks_exact(channels);
            pixels.flat_map(|pixel| pixel.iter().enumerate().map(|(c, byte)| number(*byte, c))).collect()
        }
        Layout::Nchw => {
            let plane =
                |channel| bytes.iter().skip(channel).step_by(channels).map(move |byte| (*byte, channel));
            (0..channels).flat_map(plane).map(|(byte, channel)| number(byte, channel)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{PixelFormat, Size};

    #[test]
    fn each_channel_is_normalised_by_its_own_numbers_in_the_layout_asked_for() {
        let mut input = ModelInput {
            size: Size::new(2, 1).unwrap(),
            pixel: PixelFormat::Rgb24,
            layout: Layout::Nchw,
            mean: [0.0, 10.0, 100.0],
            deviation: [1.0, 2.0, 100.0],
        };
        let bytes = [1, 12, 200, 3, 16, 0];
        let normal =
            |byte, channel: usize| (f32::from(byte) - input.mean[channel]) / input.deviation[channel];
        assert_eq!(ordered(&bytes, &input, normal), [1.0, 3.0, 1.0, 3.0, 1.0, -1.0]);
        assert_eq!(input.shape(), [1, 3, 1, 2]);
        input.layout = Layout::Nhwc;
        assert_eq!(ordered(&bytes, &input, |byte, _| byte), bytes);
        assert_eq!(input.shape(), [1, 1, 2, 3]);
    }
}
