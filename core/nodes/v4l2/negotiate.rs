//! Which of the things a camera offers is asked of it. Pure: the offers are handed in.

use std::fmt::Write as _;

use crate::media::{Rate, Size};

/// How a camera hands over its pictures, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capture {
    Nv12,
    Yuyv,
    Mjpeg,
    /// Given on as it is: never chosen unasked.
    H264,
}

impl Capture {
    pub const ALL: [Capture; 4] = [Capture::Nv12, Capture::Yuyv, Capture::Mjpeg, Capture::H264];
    /// As they are written in a graph.
    pub const NAMES: [&'static str; 5] = ["auto", "nv12", "yuyv", "mjpeg", "h264"];

    pub fn named(name: &str) -> Option<Capture> {
        Capture::ALL.into_iter().find(|capture| capture.name() == name)
    }

    pub fn name(self) -> &'static str {
        Capture::NAMES[self as usize + 1]
    }

    pub fn fourcc(self) -> [u8; 4] {
        *[b"NV12", b"YUYV", b"MJPG", b"H264"][self as usize]
    }
}

/// One thing a camera can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub capture: Capture,
    pub size: Size,
    /// Fastest first; empty where the driver does not say.
    pub rates: Vec<Rate>,
}

/// What a graph asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    pub capture: Option<Capture>,
    pub size: Option<Size>,
    pub rate: Option<Rate>,
}

/// What is asked of the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    pub capture: Capture,
    pub size: Size,
    pub rate: Option<Rate>,
}

/// Of all sizes this one is best where none is named.
const USUAL: (u32, u32) = (1280, 720);
/// And this rate: uncompressed pictures of that size come at 10 a second over USB 2.
const USUAL_RATE: f64 = 30.0;

/// The choice that meets `wanted`, with the fewest computations of those that are fast enough.
///
/// # Errors
/// What the camera has instead; the end of a sentence that begins with its name.
pub fn choose(offers: &[Offer], wanted: &Wanted) -> Result<Choice, String> {
    let usable = |offer: &&Offer| match wanted.capture {
        Some(capture) => offer.capture == capture,
        None => offer.capture != Capture::H264,
    };
    let usable: Vec<&Offer> = offers.iter().filter(usable).collect();
    if usable.is_empty() {
        return Err(match wanted.capture {
            Some(capture) => format!("has no {}; it has {}", capture.name(), listed(offers)),
            None if offers.is_empty() => "gives nothing that is understood".to_owned(),
            None => format!("encodes by itself: write `capture: h264`; it has {}", listed(offers)),
        });
    }
    let size = match wanted.size {
        Some(size) if usable.iter().any(|offer| offer.size == size) => size,
        Some(size) => {
            let near = nearest(&usable, (size.width(), size.height()));
            return Err(format!("has no {size}; the nearest is {near}"));
        }
        None => nearest(&usable, USUAL),
    };
    let mut fitting: Vec<&&Offer> = usable.iter().filter(|offer| offer.size == size).collect();
    let aim = wanted.rate.map_or(USUAL_RATE, speed);
    // One that is fast enough, and of those the cheapest; else the fastest there is.
    fitting.sort_by(|a, b| {
        let short = |offer: &Offer| (aim - fastest(offer)).max(0.0);
        short(a).total_cmp(&short(b)).then(a.capture.cmp(&b.capture))
    });
    let offer = fitting.first().ok_or("offers no size")?;
    let rate = offer
        .rates
        .iter()
        .copied()
        .min_by(|a, b| (speed(*a) - aim).abs().total_cmp(&(speed(*b) - aim).abs()));
    match (wanted.rate, rate) {
        (Some(asked), Some(given)) if (speed(asked) - speed(given)).abs() > 0.5 => {
            let rates: Vec<String> = offer.rates.iter().map(Rate::to_string).collect();
            Err(format!(
                "gives {} {size} at {} pictures a second, and not at {asked}",
                offer.capture.name(),
                rates.join(", ")
            ))
        }
        _ => Ok(Choice { capture: offer.capture, size, rate }),
    }
}

fn nearest(offers: &[&Offer], (width, height): (u32, u32)) -> Size {
    let apart = |offer: &&&Offer| offer.size.width().abs_diff(width) + offer.size.height().abs_diff(height);
    offers.iter().min_by_key(apart).map_or(offers[0].size, |offer| offer.size)
}

fn fastest(offer: &Offer) -> f64 {
    // One that does not say is taken to be as fast as any.
    offer
        .rates
        .iter()
        .map(|rate| speed(*rate))
        .fold(if offer.rates.is_empty() { f64::MAX } else { 0.0 }, f64::max)
}

fn speed(rate: Rate) -> f64 {
    1.0 / rate.interval().as_secs_f64()
}

fn listed(offers: &[Offer]) -> String {
    let mut text = String::new();
    for capture in Capture::ALL {
        let mut sizes =
            offers.iter().filter(|offer| offer.capture == capture).map(|offer| offer.size).peekable();
        if sizes.peek().is_some() {
            let sizes: Vec<String> = sizes.map(|size| size.to_string()).collect();
            let between = if text.is_empty() { "" } else { "; " };
            // Writing to a string succeeds.
            let _ = write!(text, "{between}{} {}", capture.name(), sizes.join(" "));
        }
    }
    if text.is_empty() { "none that is understood".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Size {
        text.parse().unwrap()
    }

    fn offer(capture: Capture, at: &str, rates: &[u32]) -> Offer {
        Offer {
            capture,
            size: size(at),
            rates: rates.iter().map(|rate| Rate::new(*rate, 1).unwrap()).collect(),
        }
    }

    /// As a webcam on USB 2: what is not compressed is slow where it is large.
    fn webcam() -> Vec<Offer> {
        vec![
            offer(Capture::Yuyv, "1280x720", &[10, 5]),
            offer(Capture::Yuyv, "640x480", &[30, 15]),
            offer(Capture::Mjpeg, "1280x720", &[60, 30, 15]),
            offer(Capture::Mjpeg, "640x480", &[30]),
            offer(Capture::H264, "1280x720", &[30]),
        ]
    }

    fn chosen(wanted: Wanted) -> String {
        match choose(&webcam(), &wanted) {
            Ok(Choice { capture, size, rate }) => format!("{} {size} {}", capture.name(), rate.unwrap()),
            Err(why) => why,
        }
    }

    #[test]
    fn the_cheapest_that_is_fast_enough_is_chosen() {
        let wanted = Wanted::default();
        assert_eq!(chosen(wanted), "mjpeg 1280x720 30");
        assert_eq!(chosen(Wanted { size: Some(size("640x480")), ..wanted }), "yuyv 640x480 30");
        assert_eq!(chosen(Wanted { rate: Rate::new(10, 1), ..wanted }), "yuyv 1280x720 10");
        assert_eq!(chosen(Wanted { rate: Rate::new(60, 1), ..wanted }), "mjpeg 1280x720 60");
        assert_eq!(chosen(Wanted { capture: Some(Capture::H264), ..wanted }), "h264 1280x720 30");
    }

    #[test]
    fn what_it_cannot_do_is_said_with_what_it_can() {
        let wanted = Wanted::default();
        assert_eq!(
            chosen(Wanted { size: Some(size("1000x700")), ..wanted }),
            "has no 1000x700; the nearest is 1280x720"
        );
        assert_eq!(
            chosen(Wanted { capture: Some(Capture::Nv12), ..wanted }),
            "has no nv12; it has yuyv 1280x720 640x480; mjpeg 1280x720 640x480; h264 1280x720"
        );
        let encoding: Vec<Offer> = webcam().split_off(4);
        assert_eq!(
            choose(&encoding, &wanted).unwrap_err(),
            "encodes by itself: write `capture: h264`; it has h264 1280x720"
        );
        assert_eq!(choose(&[], &wanted).unwrap_err(), "gives nothing that is understood");
        let faster =
            Wanted { capture: Some(Capture::Yuyv), rate: Rate::new(30, 1), size: Some(size("1280x720")) };
        assert_eq!(chosen(faster), "gives yuyv 1280x720 at 10, 5 pictures a second, and not at 30");
    }
}
