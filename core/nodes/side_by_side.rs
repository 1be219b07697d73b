//! `side_by_side`: two pictures of the same moment as one, for looking at what a node does.

use crate::diagnostic::{Diagnostic, Path};
use crate::media::{Frame, FrameFormat, Item, PixelFormat, Pool, Region, Size};
use crate::node::{
    About, Accepts, Adjusted, Contract, Filter, Format, Handled, InputPort, Inputs, Join, Node, NodeError,
    NodeKind, Output, OutputPort, Pace, Role, Settings, Site, VideoFormat, Wish, Work,
};

static ABOUT: About = About {
    name: "side_by_side",
    role: Role::Filter,
    summary: "two pictures of the same moment beside each other: before a node, and after it",
    with: &[],
    beside: &[],
    open: false,
    example: "- id: both\n  kind: side_by_side\n  inputs: { left: camera, right: motion.frames }\n",
};

/// The ports of the contract, in its order.
const LEFT: usize = 0;
const RIGHT: usize = 1;

/// The kind.
pub struct SideBySide;

impl NodeKind for SideBySide {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn contract(&self, _: &Settings) -> Result<Contract, Vec<Diagnostic>> {
        let accepts = || Accepts::frames(&[PixelFormat::I420]);
        Ok(Contract {
            // The right one is what somebody made of the left one, so it is the later.
            inputs: vec![
                InputPort { join: Join::SamePts, ..InputPort::each("left", accepts()) },
                InputPort::each("right", accepts()),
            ],
            outputs: vec![OutputPort { name: "frames" }],
            work: Work::Compute,
            pace: Pace::Free,
        })
    }

    fn outputs(&self, _: &Settings, inputs: &[Option<Format>]) -> Result<Vec<Format>, Diagnostic> {
        let video = |port: usize| inputs.get(port).copied().flatten().and_then(|format| format.frames());
        let (Some(left), Some(right)) = (video(LEFT), video(RIGHT)) else { return Ok(vec![]) };
        let size = match (left.size, right.size) {
            (Some(left), Some(right)) => Some(together(left, right).ok_or_else(|| {
                let rule = format!("{left} and {right} beside each other are wider than {}", Size::MAX);
                Diagnostic::error("out-of-range", Path::root().key("inputs"), rule)
                    .help("put a `scale` node before each")
            })?),
            _ => None,
        };
        Ok(vec![Format::Frames(VideoFormat { size, ..right })])
    }

    fn build(&self, _: &Settings, _: &[Option<Format>], site: &Site) -> Result<Node, NodeError> {
        Ok(Node::Filter(Box::new(Joiner { pool: site.pool.clone() })))
    }
}

/// Where the right picture begins: at an even column, since two share their colour.
fn seam(left: Size) -> u32 {
    left.width().next_multiple_of(2)
}

/// Where the right picture lies in both.
fn right_half(left: Size, right: Size, both: Size) -> Region {
    let width = both.width() as f32;
    Region {
        x: seam(left) as f32 / width,
        y: 0.0,
        width: right.width() as f32 / width,
        height: right.height() as f32 / both.height() as f32,
    }
}

fn together(left: Size, right: Size) -> Option<Size> {
    Size::new(seam(left) + right.width(), left.height().max(right.height()))
}

struct Joiner {
    pool: Pool,
}

impl Filter for Joiner {
    fn process(&mut self, mut inputs: Inputs, out: &mut Output) -> Result<(), NodeError> {
        // A left picture that was lost on its way leaves nothing to compare with.
        if let (Some(left), Some(right)) = (inputs.take_frame(LEFT), inputs.take_frame(RIGHT)) {
            out.give(0, Item::Frame(self.join(&left, &right)?));
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Output) -> Result<(), NodeError> {
        Ok(())
    }

    fn request(&mut self, _: Wish) -> Handled {
        Handled::PassOn
    }

    fn adjust(&mut self, _: &Settings, _: &[Option<Format>]) -> Adjusted {
        Adjusted::Applied
    }
}

impl Joiner {
    fn join(&self, left: &Frame, right: &Frame) -> Result<Frame, NodeError> {
        let size = together(left.size(), right.size()).ok_or_else(|| {
            NodeError::stop_graph(format!("{} and {} are too wide together", left.size(), right.size()))
        })?;
        let mut both = right.sibling(&self.pool, FrameFormat { size, ..right.format() })?;
        for index in 0..both.planes().len() {
            let start = if index == 0 { seam(left.size()) } else { seam(left.size()) / 2 } as usize;
            let mut plane = both.plane_mut(index)?;
            // What neither picture covers: black.
            plane.fill(if index == 0 { 16 } else { 128 });
            for (row, from) in left.plane(index).rows().enumerate() {
                plane.row(row)[..from.len()].copy_from_slice(from);
            }
            for (row, from) in right.plane(index).rows().enumerate() {
                plane.row(row)[start..start + from.len()].copy_from_slice(from);
            }
        }
        if !both.annotations().detections.is_empty() {
            let half = right_half(left.size(), right.size(), size);
            both.annotations_mut().moved(|region| Some(region.placed_in(half)));
        }
        Ok(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Detection, Pts};

    fn grey(pool: &Pool, (width, height): (u32, u32), luma: u8) -> Frame {
        let format = FrameFormat::new(PixelFormat::I420, Size::new(width, height).unwrap());
        let mut frame = Frame::pooled(pool, format, Pts::ZERO, 7).unwrap();
        frame.planes_mut().unwrap().iter_mut().for_each(|plane| plane.fill(luma));
        frame
    }

    #[test]
    fn both_pictures_are_whole_and_what_was_found_on_the_right_lies_on_the_right() {
        let pool = Pool::new(1 << 20);
        let (left, mut right) = (grey(&pool, (5, 2), 50), grey(&pool, (4, 4), 90));
        let region = Region { x: 0.5, y: 0.5, width: 0.5, height: 0.25 };
        right.annotations_mut().detections.push(Detection { region, ..Detection::default() });
        let both = Joiner { pool: pool.clone() }.join(&left, &right).unwrap();
        assert_eq!(both.size(), Size::new(10, 4).unwrap());
        assert_eq!(both.plane(0).row(0), [50, 50, 50, 50, 50, 16, 90, 90, 90, 90]);
        assert_eq!(both.plane(0).row(3), [16, 16, 16, 16, 16, 16, 90, 90, 90, 90]);
        assert_eq!(both.plane(1).row(0), [50, 50, 50, 90, 90]);
        let found = both.annotations().detections[0].region;
        assert_eq!(found, Region { x: 0.8, y: 0.5, width: 0.2, height: 0.25 });
    }
}
