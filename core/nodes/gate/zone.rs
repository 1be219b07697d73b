//! A part of the picture with a name: a box, or the inside of a polygon.

use serde_json::Value as Json;

use crate::media::Region;

/// More corners than anybody draws.
const MOST_CORNERS: usize = 64;

/// In fractions of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    corners: Vec<(f32, f32)>,
}

impl Zone {
    /// Reads `[x, y, width, height]` or `[[x, y], …]` of at least three corners. `None`: it is neither.
    pub fn read(json: &Json) -> Option<Zone> {
        let items = json.as_array().filter(|items| items.len() <= MOST_CORNERS)?;
        let corners = match &items[..] {
            [Json::Number(_), ..] => {
                let sides: Vec<f32> = items.iter().map(fraction).collect::<Option<_>>()?;
                let [x, y, width, height] = sides[..] else { return None };
                Region::new(x, y, width, height)?;
                vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
            }
            [_, _, _, ..] => items.iter().map(corner).collect::<Option<_>>()?,
            _ => return None,
        };
        Some(Zone { corners })
    }

    /// Whether the middle of `region` lies in it: even-odd, as the number of edges to its left tells.
    pub fn holds(&self, region: Region) -> bool {
        let (x, y) = (region.x + region.width / 2.0, region.y + region.height / 2.0);
        let next = self.corners.iter().cycle().skip(1);
        let crossed = self.corners.iter().zip(next).filter(|((ax, ay), (bx, by))| {
            let spans = (*ay > y) != (*by > y);
            spans && x < ax + (y - ay) / (by - ay) * (bx - ax)
        });
        crossed.count() % 2 == 1
    }
}

fn fraction(json: &Json) -> Option<f32> {
    json.as_f64().map(|value| value as f32).filter(|value| (0.0..=1.0).contains(value))
}

fn corner(json: &Json) -> Option<(f32, f32)> {
    match &json.as_array()?[..] {
        [x, y] => Some((fraction(x)?, fraction(y)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(x: f32, y: f32) -> Region {
        Region { x, y, width: 0.0, height: 0.0 }
    }

    #[test]
    fn the_middle_of_a_box_decides() {
        let door = Zone::read(&json!([0.5, 0.0, 0.5, 1.0])).unwrap();
        assert!(door.holds(Region { x: 0.45, y: 0.2, width: 0.2, height: 0.2 }));
        assert!(!door.holds(Region { x: 0.35, y: 0.2, width: 0.2, height: 0.2 }));
    }

    #[test]
    fn a_polygon_may_be_of_any_shape() {
        let corner = json!([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0], [0.5, 0.5], [0.0, 0.5]]);
        let zone = Zone::read(&corner).unwrap();
        assert!(zone.holds(at(0.2, 0.2)) && zone.holds(at(0.8, 0.8)) && !zone.holds(at(0.2, 0.8)));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bad in [
            json!([0.5, 0.0, 0.6, 1.0]),
            json!([1, 2]),
            json!([[0, 0], [1, 1]]),
            json!("door"),
            json!([[0, 0], [1], [1, 1]]),
        ] {
            assert_eq!(Zone::read(&bad), None, "{bad}");
        }
    }
}
