//! What the kernel says of its devices that give pictures.

use serde_json::{Value as Json, json};

use super::listed::{All, Seen};
use crate::nodes::v4l2::{Capture, Described, Known, Sized, Sort, find};

/// Every device that gives pictures.
pub(super) fn all() -> All {
    All::Seen { by: "v4l2".to_owned(), cameras: Described::all().iter().map(seen).collect() }
}

/// The settings to try a camera with that a user calls `camera`.
///
/// # Errors
/// A sentence with what there is instead.
pub(super) fn knows(camera: &str) -> Result<Json, String> {
    let device = Described::of(find(camera)?).ok_or_else(|| format!("{camera} has gone"))?;
    let capture = if device.only_encodes() { Capture::H264.name() } else { "auto" };
    Ok(json!({ "camera": camera, "capture": capture }))
}

fn seen(device: &Described) -> Seen {
    Seen {
        name: device.name().display().to_string(),
        model: device.model.clone(),
        other_name: device.libcamera_id.clone(),
        is_readable: device.is_readable(),
        only_encodes: device.only_encodes(),
        lines: lines(device),
        json: as_json(device),
    }
}

fn lines(device: &Described) -> Vec<(&'static str, String)> {
    let mut lines = vec![("device", device.path.display().to_string())];
    lines.extend(device.by_id.as_ref().map(|link| ("by id", link.display().to_string())));
    lines.push(("at", format!("{}, driven by {}", device.bus, device.driver)));
    lines.extend(device.sorts.iter().map(|sort| ("gives", gives(sort))));
    lines.extend(device.controls.iter().map(|(known, value)| ("control", control(known, *value))));
    lines
}

/// `YUYV  640x480 at 30 15, 320x240 at 30`
fn gives(sort: &Sort) -> String {
    let size = |(width, height): (u32, u32)| format!("{width}x{height}");
    let one = |sized: &Sized| {
        let sizes = match sized.least == sized.most {
            true => size(sized.least),
            false => format!("{} to {}", size(sized.least), size(sized.most)),
        };
        let rates: Vec<String> = sized.rates.iter().map(|rate| short(*rate)).collect();
        if rates.is_empty() { sizes } else { format!("{sizes} at {}", rates.join(" ")) }
    };
    let unread = if sort.capture.is_none() { "  (not read)" } else { "" };
    format!("{}  {}{unread}", sort.fourcc, sort.sizes.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// A rate as people say it: `30`, `29.97`.
fn short(rate: f64) -> String {
    ((rate * 100.0).round() / 100.0).to_string()
}

/// `brightness  -64 to 64, now 0`; of a menu its entries.
fn control(known: &Known, value: Option<i64>) -> String {
    let range = match &known.menu[..] {
        [] => format!("{} to {}", known.least, known.most),
        menu => menu.iter().map(|(index, item)| format!("{index} = {item}")).collect::<Vec<_>>().join(", "),
    };
    let now = value.map_or(String::new(), |value| format!(", now {value}"));
    let held = if known.is_inactive { ", held by an automatic one" } else { "" };
    format!("{}  {range}, {} by default{now}{held}", known.name, known.default)
}

fn as_json(device: &Described) -> Json {
    let sized = |sized: &Sized| json!({ "least": sized.least, "most": sized.most, "rates": sized.rates });
    let sort = |sort: &Sort| {
        json!({
            "format": sort.fourcc,
            "capture": sort.capture.map(|capture| capture.name()),
            "sizes": sort.sizes.iter().map(sized).collect::<Vec<_>>(),
        })
    };
    let control = |(known, value): &(Known, Option<i64>)| {
        json!({
            "name": known.name,
            "least": known.least,
            "most": known.most,
            "default": known.default,
            "value": value,
            "menu": known.menu.iter().map(|(index, item)| (index.to_string(), json!(item))).collect::<serde_json::Map<_, _>>(),
            "held": known.is_inactive,
        })
    };
    json!({
        "device": device.path,
        "by_id": device.by_id,
        "model": device.model,
        "bus": device.bus,
        "driver": device.driver,
        "formats": device.sorts.iter().map(sort).collect::<Vec<_>>(),
        "controls": device.controls.iter().map(control).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_with_their_rates_and_ranges_with_both_ends() {
        let one = Sized { least: (640, 480), most: (640, 480), rates: vec![30.0, 14.985] };
        let range = Sized { least: (32, 32), most: (1920, 1080), rates: vec![] };
        let sort = Sort { fourcc: "pRAA".to_owned(), capture: None, sizes: vec![one, range] };
        assert_eq!(gives(&sort), "pRAA  640x480 at 30 14.99, 32x32 to 1920x1080  (not read)");
        let read = Sort { fourcc: "NV12".to_owned(), capture: Some(Capture::Nv12), sizes: vec![] };
        assert_eq!(gives(&read), "NV12  ");
    }
}
