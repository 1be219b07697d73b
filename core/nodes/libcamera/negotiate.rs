//! What a camera agrees to give: format, size and stride of each stream.
//!
//! Owns the back and forth with `validate`, which adjusts whatever it likes; only what it says
//! afterwards counts. (The crate's own tables of planes and strides are empty: never ask them.)

use super::frames::{Given, Layout};
use super::versions::{self, api};
use super::wanted::{USUAL_SIZE, Wanted};
use crate::media::{PixelFormat, Size};
use api::camera::{Camera, CameraConfiguration};
use api::pixel_format::PixelFormat as Coded;
use api::stream::{StreamConfigurationRef, StreamRole};

/// Buffers to a stream: two for the camera to fill, the rest on their way through the graph.
const BUFFERS: u32 = 6;

/// A configuration the camera said yes to, and what its streams give.
pub struct Agreed {
    pub configuration: CameraConfiguration,
    pub given: Vec<Given>,
}

/// Finds what `camera` can give that is nearest to what is wanted.
///
/// # Errors
/// A sentence that says what cannot be had, and what can.
pub fn negotiate(camera: &Camera<'_>, name: &str, wanted: &Wanted) -> Result<Agreed, String> {
    let roles: &[StreamRole] = match wanted.low_res {
        None => &[StreamRole::VideoRecording],
        Some(_) => &[StreamRole::VideoRecording, StreamRole::ViewFinder],
    };
    let second = || {
        format!(
            "\"{name}\" gives one stream only: leave \"low_res\" out and make the small picture with a `scale` node"
        )
    };
    let mut configuration = match camera.generate_configuration(roles) {
        Some(configuration) if configuration.len() == roles.len() => configuration,
        _ if roles.len() > 1 => return Err(second()),
        _ => return Err(format!("\"{name}\" gives no video")),
    };
    let sizes = [wanted.size, wanted.low_res];
    for (index, size) in sizes.into_iter().enumerate().take(roles.len()) {
        let mut stream = configuration.get_mut(index).ok_or_else(second)?;
        ask(&mut stream, name, wanted.pixel, size)?;
    }
    versions::turn(&mut configuration, wanted.turn)?;
    if configuration.validate().is_invalid() {
        return Err(format!("\"{name}\" cannot give what was asked of it: {configuration:?}"));
    }
    if !versions::turns(&configuration, wanted.turn) {
        return Err(format!(
            "\"{name}\" cannot turn its picture: leave \"hflip\", \"vflip\" and \"rotation\" out"
        ));
    }
    let given = sizes.into_iter().enumerate().take(roles.len()).map(|(index, size)| {
        let stream = configuration.get(index).ok_or_else(second)?;
        given(&stream, name, size)
    });
    let given = given.collect::<Result<_, String>>()?;
    Ok(Agreed { configuration, given })
}

fn ask(
    stream: &mut StreamConfigurationRef<'_>,
    name: &str,
    pixel: PixelFormat,
    size: Option<Size>,
) -> Result<(), String> {
    let offered: Vec<Coded> = stream.formats().pixel_formats().into_iter().collect();
    let known = offered.iter().filter_map(|coded| Some((Layout::of(coded.fourcc())?.cost(pixel), *coded)));
    let Some((_, coded)) = known.min_by_key(|(cost, _)| *cost) else {
        return Err(format!("\"{name}\" gives {offered:?}, none of which this build reads"));
    };
    let (width, height) = size.map_or(USUAL_SIZE, |size| (size.width(), size.height()));
    stream.set_pixel_format(coded);
    stream.set_size(api::geometry::Size { width, height });
    stream.set_buffer_count(BUFFERS);
    Ok(())
}

fn given(stream: &StreamConfigurationRef<'_>, name: &str, wanted: Option<Size>) -> Result<Given, String> {
    let coded = stream.get_pixel_format();
    let layout = Layout::of(coded.fourcc())
        .ok_or_else(|| format!("\"{name}\" insists on {coded:?}, which this build does not read"))?;
    let found = stream.get_size();
    let size = Size::new(found.width, found.height)
        .ok_or_else(|| format!("\"{name}\" gives pictures of {}x{}", found.width, found.height))?;
    match wanted {
        // A size is never changed silently: what follows was planned for the one that was asked for.
        Some(wanted) if wanted != size => Err(format!(
            "\"{name}\" has no {wanted}; the nearest is {size}, and it has {}",
            sizes(stream, coded)
        )),
        _ => Ok(Given { layout, size, stride: stream.get_stride() as usize }),
    }
}

fn sizes(stream: &StreamConfigurationRef<'_>, coded: Coded) -> String {
    let formats = stream.formats();
    let list: Vec<_> =
        formats.sizes(coded).into_iter().map(|size| format!("{}x{}", size.width, size.height)).collect();
    match list[..] {
        [] => "others".to_owned(),
        _ => list.join(", "),
    }
}
