//! What a device can give, asked of its driver: formats, sizes and rates.
//!
//! Owns the translation from the library's lists: as far as this program reads them, for the choice,
//! and whole, for people.

use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture as _;
use v4l::{Device, FourCC, Fraction};

use super::negotiate::{Capture, Offer};
use crate::media::{Rate, Size};

/// A pixel format or coding that a device gives, whether or not it is one that this program reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// The driver's four letters: `YUYV`, `MJPG`, `H264`.
    pub fourcc: String,
    /// What `capture:` calls it; `None` where it is not read.
    pub capture: Option<Capture>,
    pub sizes: Vec<Sized>,
}

/// One size, or all from the least to the most, with the rates it comes at.
#[derive(Clone, Debug, PartialEq)]
pub struct Sized {
    pub least: (u32, u32),
    pub most: (u32, u32),
    /// Pictures a second, fastest first; empty where the driver does not say.
    pub rates: Vec<f64>,
}

/// Everything that `device` gives.
pub fn sorts(device: &Device) -> Vec<Sort> {
    let formats = device.enum_formats().unwrap_or_default();
    let sort = |fourcc: FourCC| Sort {
        fourcc: String::from_utf8_lossy(&fourcc.repr).trim_end().to_owned(),
        capture: Capture::ALL.into_iter().find(|capture| capture.fourcc() == fourcc.repr),
        sizes: sizes(device, fourcc),
    };
    formats.into_iter().map(|format| sort(format.fourcc)).collect()
}

fn sizes(device: &Device, fourcc: FourCC) -> Vec<Sized> {
    let listed = device.enum_framesizes(fourcc).unwrap_or_default();
    let sized = |size: FrameSizeEnum| {
        let (least, most) = match size {
            FrameSizeEnum::Discrete(one) => ((one.width, one.height), (one.width, one.height)),
            FrameSizeEnum::Stepwise(range) => {
                ((range.min_width, range.min_height), (range.max_width, range.max_height))
            }
        };
        let speed = |rate: &Rate| 1.0 / rate.interval().as_secs_f64();
        let rates = Size::new(most.0, most.1).map(|size| rates(device, fourcc, size)).unwrap_or_default();
        Sized { least, most, rates: rates.iter().map(speed).collect() }
    };
    listed.into_iter().map(|listed| sized(listed.size)).collect()
}

/// What `device` gives of the sorts that are read.
pub fn offers(device: &Device) -> Vec<Offer> {
    let mut offers = Vec::new();
    for capture in Capture::ALL {
        let fourcc = FourCC::new(&capture.fourcc());
        for sizes in device.enum_framesizes(fourcc).unwrap_or_default() {
            for size in discrete(sizes.size) {
                let rates = rates(device, fourcc, size);
                offers.push(Offer { capture, size, rates });
            }
        }
    }
    offers
}

/// The sizes of one entry; of a whole range those that people ask for.
fn discrete(sizes: FrameSizeEnum) -> Vec<Size> {
    const USUAL: [(u32, u32); 6] =
        [(320, 240), (640, 360), (640, 480), (1280, 720), (1920, 1080), (3840, 2160)];
    match sizes {
        FrameSizeEnum::Discrete(size) => Size::new(size.width, size.height).into_iter().collect(),
        FrameSizeEnum::Stepwise(range) => {
            let inside = |(width, height): &(u32, u32)| {
                let fits = |value: u32, least: u32, most: u32, step: u32| {
                    value >= least && value <= most && (value - least).is_multiple_of(step.max(1))
                };
                fits(*width, range.min_width, range.max_width, range.step_width)
                    && fits(*height, range.min_height, range.max_height, range.step_height)
            };
            USUAL.into_iter().filter(inside).filter_map(|(width, height)| Size::new(width, height)).collect()
        }
    }
}

fn rates(device: &Device, fourcc: FourCC, size: Size) -> Vec<Rate> {
    let intervals = device.enum_frameintervals(fourcc, size.width(), size.height()).unwrap_or_default();
    let mut rates: Vec<Rate> = intervals
        .into_iter()
        .filter_map(|interval| match interval.interval {
            FrameIntervalEnum::Discrete(interval) => Rate::new(interval.denominator, interval.numerator),
            FrameIntervalEnum::Stepwise(_) => None,
        })
        .collect();
    rates.sort_by_key(|rate| rate.interval());
    rates
}

/// The time from picture to picture, as drivers are asked for it.
pub fn interval(rate: Rate) -> Fraction {
    let nanos = rate.interval().as_nanos();
    // To a hundred-thousandth of a picture a second, which every driver's own table is coarser than.
    let per_second = u32::try_from(100_000_000_000_000 / nanos.max(1)).unwrap_or(u32::MAX);
    Fraction::new(100_000, per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_what_the_rate_says() {
        let thirty = interval("30".parse().unwrap());
        assert_eq!(f64::from(thirty.denominator) / f64::from(thirty.numerator), 30.0);
    }
}
