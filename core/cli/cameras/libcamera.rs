//! What libcamera says of its cameras.

use serde_json::{Value as Json, json};

use super::listed::{All, Seen};
use crate::nodes::libcamera::{Described, Known, Offer, Owner, Which};

/// Every camera that libcamera drives.
pub(super) fn all() -> All {
    match Owner::join(None) {
        Ok(owner) => All::Seen {
            by: format!("libcamera {}", owner.version()),
            cameras: owner.list().iter().map(seen).collect(),
        },
        Err(why) => All::Failed(why),
    }
}

/// The settings to try a camera with that a user calls `camera`.
///
/// # Errors
/// A sentence with what there is instead.
pub(super) fn knows(camera: &str) -> Result<Json, String> {
    let which = camera.parse::<u64>().map_or_else(|_| json!(camera), |index| json!(index));
    let all = Owner::join(None)?.list();
    let names: Vec<_> = all.into_iter().map(|camera| (camera.id, camera.model)).collect();
    let wanted = Which::read(&which).ok_or_else(|| format!("\"{camera}\" is no camera's name"))?;
    wanted.pick(&names).map(|_| json!({ "camera": which }))
}

fn seen(camera: &Described) -> Seen {
    Seen {
        name: camera.id.clone(),
        model: camera.model.clone(),
        other_name: None,
        is_readable: true,
        only_encodes: false,
        lines: lines(camera),
        json: as_json(camera),
    }
}

fn lines(camera: &Described) -> Vec<(&'static str, String)> {
    let mut lines = vec![("id", camera.id.clone())];
    lines.extend(camera.location.map(|location| ("location", location.to_owned())));
    lines.extend(camera.rotation.map(|rotation| ("mounted", format!("at {rotation} degrees"))));
    lines.extend(camera.offers.iter().map(|offer| ("gives", format!("{}  {}", offer.format, sizes(offer)))));
    match &camera.controls {
        Some(controls) => lines.extend(controls.iter().map(|Known { name, least, most, .. }| {
            let range =
                least.zip(*most).map_or(String::new(), |(least, most)| format!("  {least} to {most}"));
            ("control", format!("{name}{range}"))
        })),
        None => lines.push(("control", "not told by this version of libcamera's crate".to_owned())),
    }
    lines
}

fn sizes(offer: &Offer) -> String {
    let size = |(width, height): (u32, u32)| format!("{width}x{height}");
    match &offer.sizes[..] {
        [] => format!("{} to {}", size(offer.range.0), size(offer.range.1)),
        sizes => sizes.iter().copied().map(size).collect::<Vec<_>>().join(" "),
    }
}

fn as_json(camera: &Described) -> Json {
    let offers = camera.offers.iter().map(|offer| {
        json!({ "format": offer.format, "sizes": offer.sizes, "smallest": offer.range.0, "largest": offer.range.1 })
    });
    let controls = camera.controls.as_ref().map(|controls| {
        let one = |known: &Known| json!({ "name": known.name, "least": known.least, "most": known.most });
        controls.iter().map(one).collect::<Vec<_>>()
    });
    json!({
        "id": camera.id,
        "model": camera.model,
        "location": camera.location,
        "rotation": camera.rotation,
        "formats": offers.collect::<Vec<_>>(),
        "controls": controls,
    })
}
