//! Many boxes on one face become one: non-maximum suppression, blended as BlazeFace is meant to be.

use framegate_sdk::Region;

/// A box and how sure the network is of it.
pub type Scored = (f32, Region);

/// The surest box of each face, its edges the mean of all boxes that share at least `overlap` with it,
/// weighed by their scores. Surest first.
pub fn merge(mut boxes: Vec<Scored>, overlap: f32) -> Vec<Scored> {
    boxes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut merged = Vec::new();
    while !boxes.is_empty() {
        let (score, surest) = boxes.remove(0);
        let (mut same, others): (Vec<_>, Vec<_>) =
            boxes.into_iter().partition(|(_, other)| shared(&surest, other) >= overlap);
        same.push((score, surest));
        merged.push((score, mean(&same)));
        boxes = others;
    }
    merged
}

fn mean(boxes: &[Scored]) -> Region {
    let total: f32 = boxes.iter().map(|(score, _)| score).sum();
    let of = |side: fn(&Region) -> f32| {
        boxes.iter().map(|(score, region)| score * side(region)).sum::<f32>() / total
    };
    Region { x: of(|r| r.x), y: of(|r| r.y), width: of(|r| r.width), height: of(|r| r.height) }
}

/// What two boxes share, of all that they cover.
fn shared(a: &Region, b: &Region) -> f32 {
    let along = |start: f32, length: f32, other: f32, other_length: f32| {
        ((start + length).min(other + other_length) - start.max(other)).max(0.0)
    };
    let both = along(a.x, a.width, b.x, b.width) * along(a.y, a.height, b.y, b.height);
    both / (a.width * a.height + b.width * b.height - both)
}
