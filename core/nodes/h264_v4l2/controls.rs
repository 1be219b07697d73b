//! What an encoder is told about the stream, by the controls that its driver has.
//!
//! Owns which there are and in which order they are set. None must be there: what a driver has not stays as
//! the device has it, but a profile that was asked for and cannot be had is refused.

use std::io;
use std::time::Duration;

use super::device::{Bounds, Device};
use super::level::level;
use crate::media::{Rate, Size};

/// `V4L2_CID_CODEC_BASE`; the controls by their place from there, as linux/v4l2-controls.h has them.
const BASE: u32 = 0x0099_0900;
const B_FRAMES: u32 = BASE + 202;
const GOP_SIZE: u32 = BASE + 203;
const BITRATE_MODE: u32 = BASE + 206;
const BITRATE: u32 = BASE + 207;
const FRAME_RC_ENABLE: u32 = BASE + 215;
const HEADER_MODE: u32 = BASE + 216;
const REPEAT_SEQ_HEADER: u32 = BASE + 226;
const FORCE_KEY_FRAME: u32 = BASE + 229;
const H264_I_PERIOD: u32 = BASE + 358;
const H264_LEVEL: u32 = BASE + 359;
const H264_PROFILE: u32 = BASE + 363;
const PREPEND_SPSPPS_TO_IDR: u32 = BASE + 644;

/// Choices of the controls above.
const CONSTANT_BITRATE: i32 = 1;
const HEADERS_WITH_FIRST_PICTURE: i32 = 1;

/// A subset of H.264's tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Baseline,
    Main,
    High,
}

impl Profile {
    pub const NAMES: [&'static str; 3] = ["baseline", "main", "high"];
    const ALL: [Profile; 3] = [Profile::Baseline, Profile::Main, Profile::High];

    /// # Panics
    /// When it is none of [`Profile::NAMES`].
    pub fn named(name: &str) -> Profile {
        let place = Profile::NAMES.iter().position(|known| *known == name);
        Profile::ALL[place.expect("each choice is the name of a profile")]
    }

    /// The kernel's choices, best first. Constrained baseline is what every browser decodes.
    fn choices(self) -> &'static [u32] {
        match self {
            Profile::Baseline => &[1, 0],
            Profile::Main => &[2],
            Profile::High => &[4, 17],
        }
    }
}

/// What a stream is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stream {
    pub size: Size,
    pub rate: Rate,
    /// Bits per second, at the most.
    pub bitrate: u32,
    pub profile: Profile,
    pub keyframe_every: Duration,
}

/// What can be told while pictures are encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Controls {
    bitrate: Option<Bounds>,
    keyframe: bool,
}

impl Controls {
    /// Tells `device` what the stream is to be. The formats must be set.
    ///
    /// # Errors
    /// The end of a sentence that begins with the device's name.
    pub fn set(device: &Device, stream: &Stream) -> Result<Controls, String> {
        let controls =
            Controls { bitrate: device.bounds(BITRATE), keyframe: device.bounds(FORCE_KEY_FRAME).is_some() };
        prefer(device, BITRATE_MODE, CONSTANT_BITRATE);
        prefer(device, FRAME_RC_ENABLE, 1);
        controls.set_bitrate(device, stream.bitrate).map_err(|error| format!("takes no bitrate: {error}"))?;
        set_profile(device, stream.profile)?;
        set_level(device, stream);
        prefer(device, B_FRAMES, 0);
        prefer(device, HEADER_MODE, HEADERS_WITH_FIRST_PICTURE);
        prefer(device, REPEAT_SEQ_HEADER, 1);
        prefer(device, PREPEND_SPSPPS_TO_IDR, 1);
        set_period(device, stream);
        Ok(controls)
    }

    pub fn has_bitrate(&self) -> bool {
        self.bitrate.is_some()
    }

    /// From one of the next pictures on; without effect where the driver has no such control.
    pub fn set_bitrate(&self, device: &Device, bits_per_second: u32) -> io::Result<()> {
        let Some(bounds) = self.bitrate else { return Ok(()) };
        device.set_control(BITRATE, held(bits_per_second, bounds))
    }

    /// Makes the next picture a keyframe. `false` when the driver has no such control.
    pub fn force_keyframe(&self, device: &Device) -> io::Result<bool> {
        if self.keyframe {
            device.set_control(FORCE_KEY_FRAME, 1)?;
        }
        Ok(self.keyframe)
    }
}

/// Keyframes at the latest so often, by the device's own count of pictures. One picture less than the time has:
/// it comes before we would have to ask.
pub(super) fn set_period(device: &Device, stream: &Stream) {
    let pictures = stream.keyframe_every.as_secs_f64() * stream.rate.per_second();
    let pictures = (pictures as u32).saturating_sub(1).max(1);
    for control in [GOP_SIZE, H264_I_PERIOD] {
        if let Some(bounds) = device.bounds(control) {
            prefer(device, control, held(pictures, bounds));
        }
    }
}

fn held(value: u32, bounds: Bounds) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX).clamp(bounds.least, bounds.most.max(bounds.least))
}

/// Sets a control if it is there; a device that does not take it keeps what it has.
fn prefer(device: &Device, id: u32, value: i32) {
    if device.bounds(id).is_none() {
        return;
    }
    if let Err(error) = device.set_control(id, value) {
        tracing::debug!("\"{}\" does not take {value} for control {id:#x}: {error}", device.name);
    }
}

fn set_profile(device: &Device, profile: Profile) -> Result<(), String> {
    let name = |profile: Profile| Profile::NAMES[profile as usize];
    if device.bounds(H264_PROFILE).is_none() {
        // It has one only, as a rule the simplest.
        return match profile {
            Profile::Baseline => Ok(()),
            _ => Err(format!("cannot be told a profile, asked for {}: leave \"profile\" out", name(profile))),
        };
    }
    let has = |profile: &Profile| profile.choices().iter().find(|item| device.has_item(H264_PROFILE, **item));
    match has(&profile) {
        Some(item) => device
            .set_control(H264_PROFILE, *item as i32)
            .map_err(|error| format!("does not take the profile {}: {error}", name(profile))),
        None => {
            let others: Vec<&str> =
                Profile::ALL.into_iter().filter(|other| has(other).is_some()).map(name).collect();
            Err(format!("has no profile {}; it has {}", name(profile), others.join(", ")))
        }
    }
}

/// The lowest level that bears the stream, of those the device has.
fn set_level(device: &Device, stream: &Stream) {
    let Some(bounds) = device.bounds(H264_LEVEL) else { return };
    let least = level(stream.size, stream.rate, stream.bitrate);
    let most = u32::try_from(bounds.most).unwrap_or(0);
    if let Some(level) = (least..=most).find(|level| device.has_item(H264_LEVEL, *level)) {
        prefer(device, H264_LEVEL, level as i32);
    }
}
