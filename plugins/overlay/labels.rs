//! One detection: its box, and its label on a background it can be read on.

use framegate_sdk::prelude::*;

use crate::Settings;

/// Pixels between a label's text and the edge of its background.
const PADDING: i32 = 3;

pub fn draw(canvas: &mut Canvas, settings: &Settings, found: &Detection, size: u8) -> Result<()> {
    if found.score < settings.min_score {
        return Ok(());
    }
    let colour = settings.colour(&found.label);
    let area = found.region.to_rect(canvas.size);
    canvas.outline(area, settings.thickness, colour)?;
    if !settings.labels {
        return Ok(());
    }
    let text = words(found, settings.scores);
    let extent = canvas.measure(size, &text);
    let plate = Size::new(extent.width + 2 * PADDING as u32, extent.height + 2 * PADDING as u32);
    let (x, y) = place(area, plate, canvas.size);
    canvas.fill(Rect::new(x, y, plate.width, plate.height), colour)?;
    canvas.text(x + PADDING, y + PADDING, size, colour.readable(), &text)
}

fn words(found: &Detection, scores: bool) -> String {
    let mut text = found.label.clone();
    if let Some(track) = found.track {
        text += &format!(" #{track}");
    }
    if scores {
        text += &format!(" {:.0}%", found.score * 100.0);
    }
    text
}

/// Above the box, or inside it at the picture's upper edge; never past the picture's sides.
fn place(area: Rect, plate: Size, picture: Size) -> (i32, i32) {
    let above = area.y - plate.height as i32;
    let rightmost = (picture.width as i32 - plate.width as i32).max(0);
    let lowest = (picture.height as i32 - plate.height as i32).max(0);
    let y = if above >= 0 { above } else { area.y };
    (area.x.clamp(0, rightmost), y.clamp(0, lowest))
}
