//! The lines in a corner: a text and a clock.

use framegate_sdk::prelude::*;

use crate::{Corner, Settings};

/// Pixels between the lines and the picture's edge, and around the text.
const MARGIN: i32 = 8;
const PADDING: i32 = 4;

/// Dark enough to read on, and still a little see-through.
const PLATE: Colour = Colour::BLACK.with_alpha(170);

pub fn draw(canvas: &mut Canvas, settings: &Settings, size: u8) -> Result<()> {
    let text = (!settings.text.is_empty()).then(|| expand(&settings.text, canvas));
    let clock = settings.clock.then(|| time(canvas.pts_ns));
    let lines: Vec<String> = text.into_iter().chain(clock).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let extents: Vec<Size> = lines.iter().map(|line| canvas.measure(size, line)).collect();
    let width = extents.iter().map(|extent| extent.width as i32).max().unwrap_or(0) + 2 * PADDING;
    let height = extents.iter().map(|extent| extent.height as i32).sum::<i32>() + 2 * PADDING;
    let (left, top) = place(settings.corner, width, height, canvas.size);
    canvas.fill(Rect::new(left, top, width as u32, height as u32), PLATE)?;
    let mut y = top + PADDING;
    for (line, extent) in lines.iter().zip(extents) {
        canvas.text(left + PADDING, y, size, Colour::WHITE, line)?;
        y += extent.height as i32;
    }
    Ok(())
}

fn place(corner: Corner, width: i32, height: i32, picture: Size) -> (i32, i32) {
    let right = picture.width as i32 - MARGIN - width;
    let bottom = picture.height as i32 - MARGIN - height;
    match corner {
        Corner::TopLeft => (MARGIN, MARGIN),
        Corner::TopRight => (right, MARGIN),
        Corner::BottomLeft => (MARGIN, bottom),
        Corner::BottomRight => (right, bottom),
    }
}

/// Puts values in the place of names in braces; unknown names stay as they are.
fn expand(template: &str, canvas: &Canvas) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        let Some((name, after)) = after.split_once('}') else {
            return text + "{" + after;
        };
        match value(name, canvas) {
            Some(value) => text += &value,
            None => text += &format!("{{{name}}}"),
        }
        rest = after;
    }
    text + rest
}

fn value(name: &str, canvas: &Canvas) -> Option<String> {
    match name {
        "time" => Some(time(canvas.pts_ns)),
        "sequence" => Some(canvas.sequence.to_string()),
        "count" => Some(canvas.detections().len().to_string()),
        _ => name.strip_prefix("tag:").map(|key| canvas.tag(key).unwrap_or_default()),
    }
}

/// Hours, minutes, seconds and hundredths since the graph's clock started.
fn time(pts_ns: i64) -> String {
    let hundredths = pts_ns.max(0) / 10_000_000;
    let (seconds, hundredths) = (hundredths / 100, hundredths % 100);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}.{hundredths:02}", minutes / 60, minutes % 60)
}
