//! Which zone each cell of the grid belongs to.

use std::collections::BTreeMap;

use crate::settings::Polygon;

/// A zone by its place in the order of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneId(u8);

impl ZoneId {
    /// Looked at, and in no named zone.
    pub const NONE: ZoneId = ZoneId(255);
    /// Not looked at.
    pub const IGNORED: ZoneId = ZoneId(254);

    pub fn name(self, zones: &BTreeMap<String, Polygon>) -> Option<&str> {
        zones.keys().nth(self.0.into()).map(String::as_str)
    }
}

/// Computed once: polygons are too slow to ask for every picture.
pub struct ZoneMap(Vec<ZoneId>);

impl ZoneMap {
    /// A cell belongs to the first zone its middle lies in; what is to be ignored goes before all.
    pub fn new(
        zones: &BTreeMap<String, Polygon>,
        ignore: &[Polygon],
        columns: usize,
        rows: usize,
    ) -> ZoneMap {
        let zone_at = |x: f32, y: f32| {
            if ignore.iter().any(|points| contains(points, x, y)) {
                return ZoneId::IGNORED;
            }
            match zones.values().position(|points| contains(points, x, y)) {
                Some(index) => ZoneId(index as u8),
                None if zones.is_empty() => ZoneId::NONE,
                None => ZoneId::IGNORED,
            }
        };
        let middle = |index: usize, count: usize| (index as f32 + 0.5) / count as f32;
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        ZoneMap(cells.map(|(column, row)| zone_at(middle(column, columns), middle(row, rows))).collect())
    }

    /// Of the cell `index`, counted row by row.
    pub fn at(&self, index: usize) -> ZoneId {
        self.0[index]
    }
}

/// Whether a ray to the left crosses the polygon's border an odd number of times.
fn contains(points: &[[f32; 2]], x: f32, y: f32) -> bool {
    let edges = points.iter().zip(points.iter().cycle().skip(1));
    let crossed = edges
        .filter(|([ax, ay], [bx, by])| (*ay > y) != (*by > y) && x > ax + (y - ay) / (by - ay) * (bx - ax));
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concave_polygon_has_its_notch_outside() {
        let notched = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.2], [0.0, 1.0]];
        assert!(contains(&notched, 0.1, 0.5));
        assert!(contains(&notched, 0.9, 0.5));
        assert!(!contains(&notched, 0.5, 0.5));
    }

    #[test]
    fn only_zones_are_looked_at_and_ignored_places_are_cut_out() {
        let left: Polygon = vec![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]];
        let top: Polygon = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.0, 0.5]];
        let zones = BTreeMap::from([("left".to_owned(), left)]);
        let map = ZoneMap::new(&zones, std::slice::from_ref(&top), 2, 2);
        let names: Vec<_> = (0..4).map(|cell| map.at(cell)).collect();
        assert_eq!(names, [ZoneId::IGNORED, ZoneId::IGNORED, ZoneId(0), ZoneId::IGNORED]);
        assert_eq!(map.at(2).name(&zones), Some("left"));

        let all_but_top = ZoneMap::new(&BTreeMap::new(), &[top], 2, 2);
        assert_eq!((all_but_top.at(0), all_but_top.at(3)), (ZoneId::IGNORED, ZoneId::NONE));
        assert_eq!(all_but_top.at(3).name(&zones), None);
    }
}
