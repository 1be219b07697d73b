//! Draws the edges of what is in the picture: Sobel's operator on the brightness.
//!
//! An example of a filter whose pixels depend on their neighbours.

use framegate_sdk::prelude::*;

pub struct Edges {
    gain: f32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How bright an edge is drawn: 1 makes a step from black to white as bright as there is.
    #[schemars(range(min = 0.1, max = 16.0))]
    gain: f32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { gain: 1.0 }
    }
}

impl Plugin for Edges {
    type Settings = Settings;
    const FORMATS: &'static [PixelFormat] = &[PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Gray8];

    fn new(settings: Settings) -> Result<Edges> {
        Ok(Edges { gain: settings.gain })
    }
}

impl Filter for Edges {
    fn process(&mut self, frame: &mut Frame) -> Result<Verdict> {
        let scale = fixed(self.gain);
        frame.edit_bands_around(0, 1, |source, band| {
            let row_bytes = band.shape.row_bytes;
            for (index, row) in band.bytes.chunks_exact_mut(row_bytes).enumerate() {
                let [above, here, below] = [0, 1, 2].map(|y| &source[(index + y) * row_bytes..][..row_bytes]);
                draw(above, here, below, row, scale);
            }
        })?;
        // The other planes are colour, of which edges have none.
        (1..frame.plane_count()).try_for_each(|plane| frame.fill_plane(plane, 128))?;
        Ok(Verdict::Pass)
    }
}

/// A gain as [`draw`] takes it: in 1/128 of what the operator gives, to which a step from black to
/// white is four times its height.
pub fn fixed(gain: f32) -> u16 {
    (gain * 32.0).round() as u16
}

/// One row of edges from the row itself and its neighbours, all of one length. The picture goes on
/// past its left and right edge as it was there.
pub fn draw(above: &[u8], here: &[u8], below: &[u8], edges: &mut [u8], scale: u16) {
    let last = edges.len() - 1;
    let column = |x: usize| [above[x], here[x], below[x]];
    edges[0] = strength(column(0), column(0), column(1.min(last)), scale);
    if last == 0 {
        return;
    }
    edges[last] = strength(column(last - 1), column(last), column(last), scale);
    // Nine slices of one length, so that no index needs a check and the loop runs on vectors.
    let count = last - 1;
    let [above, here, below] = [above, here, below].map(|row| [0, 1, 2].map(|x| &row[x..x + count]));
    for (x, edge) in edges[1..last].iter_mut().enumerate() {
        let column = |side: usize| [above[side][x], here[side][x], below[side][x]];
        *edge = strength(column(0), column(1), column(2), scale);
    }
}

/// |dx| + |dy| in the middle of three columns, each from top to bottom.
#[inline(always)]
fn strength(left: [u8; 3], middle: [u8; 3], right: [u8; 3], scale: u16) -> u8 {
    let [left, middle, right] = [left, middle, right].map(|column| column.map(i16::from));
    let weighed = |a: i16, b: i16, c: i16| a + 2 * b + c;
    let dx = weighed(right[0] - left[0], right[1] - left[1], right[2] - left[2]);
    let dy = weighed(left[2] - left[0], middle[2] - middle[0], right[2] - right[0]);
    // In 16 bits throughout, which is twice as many pixels at a time as in 32. What would overflow is
    // brighter than white anyway.
    let steepness = (dx.unsigned_abs() + dy.unsigned_abs()).min(u16::MAX / scale);
    ((steepness * scale) >> 7).min(255) as u8
}

framegate_sdk::register_filter!(Edges);

#[cfg(test)]
mod tests {
    use super::*;
    use framegate_sdk::testing::{self, Picture};

    fn filtered(settings: &str, size: Size, luma: &[u8]) -> Vec<u8> {
        let mut plugin: Edges = testing::configure(settings).unwrap();
        let picture = Picture::new(PixelFormat::Gray8, size).with_plane(0, luma);
        testing::filter(&mut plugin, &picture).unwrap();
        picture.plane(0)
    }

    #[test]
    fn a_step_is_bright_on_both_its_sides_and_flat_parts_are_black() {
        let row = [0, 0, 0, 255, 255, 255];
        assert_eq!(filtered("{}", Size::new(6, 3), &row.repeat(3)), [0, 0, 255, 255, 0, 0].repeat(3));
    }

    #[test]
    fn the_gain_makes_faint_edges_brighter() {
        let row = [100, 100, 110, 110];
        assert_eq!(filtered("{}", Size::new(4, 2), &row.repeat(2)), [0, 10, 10, 0].repeat(2));
        assert_eq!(filtered(r#"{"gain": 4}"#, Size::new(4, 2), &row.repeat(2)), [0, 40, 40, 0].repeat(2));
    }

    #[test]
    fn the_smallest_pictures_have_no_edges() {
        assert_eq!(filtered("{}", Size::new(1, 1), &[77]), [0]);
        assert_eq!(filtered("{}", Size::new(1, 2), &[77, 77]), [0, 0]);
    }

    #[test]
    fn edges_have_no_colour() {
        let mut plugin: Edges = testing::configure("{}").unwrap();
        let picture =
            Picture::new(PixelFormat::I420, Size::new(2, 2)).with_plane(1, &[9]).with_plane(2, &[9]);
        testing::filter(&mut plugin, &picture).unwrap();
        assert_eq!((picture.plane(1), picture.plane(2)), (vec![128], vec![128]));
    }
}
