//! From pixels that moved to boxes: cells, growing, merging.

use std::ops::Range;

use framegate_sdk::{Region, Size};

use crate::background::Moved;
use crate::zones::{ZoneId, ZoneMap};

/// Pixels of the small picture along a cell's side. A lone noisy pixel does not make a cell move.
const CELL: usize = 4;

/// Pixels of a cell that must have moved.
const ENOUGH: u32 = 3;

/// One pixel in so many must have changed since the picture before: else it is no motion but the
/// place that something left, or something that has come to rest, not yet learned.
const FRESH: u32 = 50;

/// Something that moved, in pixels of the small picture; `right` and `bottom` are past the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blob {
    pub zone: ZoneId,
    left: u16,
    top: u16,
    right: u16,
    bottom: u16,
    /// How many pixels moved, and by how many levels in all.
    pixels: u32,
    levels: u32,
    /// How many of the pixels changed since the picture before.
    fresh: u32,
}

/// One cell's share of what moved.
#[derive(Clone, Copy)]
struct Cell {
    blob: Blob,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Still,
    Moving,
    Taken,
}

/// The small picture in cells. Its memory is used again for every picture.
pub struct Grid {
    small: Size,
    columns: usize,
    cells: Vec<Cell>,
    frontier: Vec<usize>,
}

impl Grid {
    pub fn new(small: Size) -> Grid {
        let columns = (small.width as usize).div_ceil(CELL);
        let rows = (small.height as usize).div_ceil(CELL);
        let still = Cell { blob: Blob::nothing(ZoneId::NONE), state: State::Still };
        Grid { small, columns, cells: vec![still; columns * rows], frontier: Vec::new() }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn rows(&self) -> usize {
        self.cells.len() / self.columns
    }

    /// Boxes around what moved, per zone; those within `gap` pixels of each other are one.
    pub fn find(&mut self, moved: Moved, zones: &ZoneMap, gap: f32) -> Vec<Blob> {
        self.gather(moved, zones);
        let mut blobs = Vec::new();
        for start in 0..self.cells.len() {
            if self.cells[start].state == State::Moving {
                blobs.push(self.grow(start));
            }
        }
        blobs.retain(|blob| blob.fresh * FRESH >= blob.pixels);
        merge(blobs, gap)
    }

    fn gather(&mut self, moved: Moved, zones: &ZoneMap) {
        let width = self.small.width as usize;
        for (row, cells) in self.cells.chunks_exact_mut(self.columns).enumerate() {
            cells.iter_mut().for_each(|cell| cell.state = State::Still);
            let top = row * CELL;
            let bottom = (top + CELL).min(self.small.height as usize);
            // Most of a picture is still, and so many bytes at once are quickly looked through.
            if moved.levels[top * width..bottom * width].iter().fold(0, |all, level| all | level) == 0 {
                continue;
            }
            for (column, cell) in cells.iter_mut().enumerate() {
                let zone = zones.at(row * self.columns + column);
                if zone != ZoneId::IGNORED {
                    let left = column * CELL;
                    *cell = Cell::of(moved, width, zone, left..(left + CELL).min(width), top..bottom);
                }
            }
        }
    }

    /// All moving cells of one zone that touch each other, corners included.
    fn grow(&mut self, start: usize) -> Blob {
        let mut blob = self.cells[start].blob;
        self.cells[start].state = State::Taken;
        self.frontier.push(start);
        while let Some(index) = self.frontier.pop() {
            let (column, row) = (index % self.columns, index / self.columns);
            for y in row.saturating_sub(1)..=(row + 1).min(self.rows() - 1) {
                for x in column.saturating_sub(1)..=(column + 1).min(self.columns - 1) {
                    let neighbour = &mut self.cells[y * self.columns + x];
                    if neighbour.state == State::Moving && neighbour.blob.zone == blob.zone {
                        neighbour.state = State::Taken;
                        blob.join(&neighbour.blob);
                        self.frontier.push(y * self.columns + x);
                    }
                }
            }
        }
        blob
    }
}

impl Cell {
    fn of(moved: Moved, width: usize, zone: ZoneId, columns: Range<usize>, rows: Range<usize>) -> Cell {
        let mut blob = Blob::nothing(zone);
        for y in rows {
            let pixels = y * width + columns.start..y * width + columns.end;
            let found = moved.levels[pixels.clone()].iter().zip(&moved.fresh[pixels]);
            for (x, (level, fresh)) in columns.clone().zip(found).filter(|(_, (level, _))| **level > 0) {
                blob.add(x as u16, y as u16, *level, *fresh);
            }
        }
        let state = if blob.pixels >= ENOUGH { State::Moving } else { State::Still };
        Cell { blob, state }
    }
}

impl Blob {
    fn nothing(zone: ZoneId) -> Blob {
        Blob { zone, left: u16::MAX, top: u16::MAX, right: 0, bottom: 0, pixels: 0, levels: 0, fresh: 0 }
    }

    fn add(&mut self, x: u16, y: u16, level: u8, fresh: u8) {
        self.join(&Blob {
            left: x,
            top: y,
            right: x + 1,
            bottom: y + 1,
            pixels: 1,
            levels: level.into(),
            fresh: fresh.into(),
            ..*self
        });
    }

    fn join(&mut self, other: &Blob) {
        self.left = self.left.min(other.left);
        self.top = self.top.min(other.top);
        self.right = self.right.max(other.right);
        self.bottom = self.bottom.max(other.bottom);
        self.pixels += other.pixels;
        self.levels += other.levels;
        self.fresh += other.fresh;
    }

    fn is_near(&self, other: &Blob, gap: f32) -> bool {
        let apart = |start: u16, end: u16, other_start: u16, other_end: u16| {
            f32::from(start.max(other_start)) - f32::from(end.min(other_end)) > gap
        };
        self.zone == other.zone
            && !apart(self.left, self.right, other.left, other.right)
            && !apart(self.top, self.bottom, other.top, other.bottom)
    }

    /// In fractions of the picture.
    pub fn region(&self, small: Size) -> Region {
        let (width, height) = (small.width as f32, small.height as f32);
        Region {
            x: f32::from(self.left) / width,
            y: f32::from(self.top) / height,
            width: f32::from(self.right - self.left) / width,
            height: f32::from(self.bottom - self.top) / height,
        }
        .clipped()
    }

    /// How clearly it stands out: 1 from a mean of 64 levels on.
    pub fn score(&self) -> f32 {
        (self.levels as f32 / self.pixels.max(1) as f32 / 64.0).min(1.0)
    }
}

/// Joins near boxes until none is left to join. The largest come first, so that the result does
/// not depend on where in the picture things are.
fn merge(mut blobs: Vec<Blob>, gap: f32) -> Vec<Blob> {
    // With more than this it is no motion but noise, and comparing all with all would take long.
    const MANY: usize = 64;
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.pixels));
    blobs.truncate(MANY);
    let mut index = 0;
    while index < blobs.len() {
        let near = (index + 1..blobs.len()).find(|other| blobs[index].is_near(&blobs[*other], gap));
        match near {
            Some(other) => {
                let joined = blobs.remove(other);
                blobs[index].join(&joined);
                // It has grown: those before it may be near now.
                index = 0;
            }
            None => index += 1,
        }
    }
    blobs
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size::new(40, 20);

    fn moved(boxes: &[(usize, usize, usize, usize)]) -> Vec<u8> {
        let mut moved = vec![0; 40 * 20];
        for (x, y, width, height) in boxes {
            for row in *y..y + height {
                moved[row * 40 + x..][..*width].fill(80);
            }
        }
        moved
    }

    fn found(boxes: &[(usize, usize, usize, usize)], gap: f32) -> Vec<(u16, u16, u16, u16)> {
        let mut grid = Grid::new(SMALL);
        let zones = ZoneMap::new(&Default::default(), &[], grid.columns(), grid.rows());
        let levels = moved(boxes);
        let all = Moved { levels: &levels, fresh: &vec![1; levels.len()] };
        let mut found: Vec<_> = (grid.find(all, &zones, gap).iter())
            .map(|blob| (blob.left, blob.top, blob.right - blob.left, blob.bottom - blob.top))
            .collect();
        found.sort();
        found
    }

    #[test]
    fn a_box_is_as_tight_as_what_moved() {
        assert_eq!(found(&[(5, 3, 9, 8)], 0.0), [(5, 3, 9, 8)]);
    }

    #[test]
    fn near_boxes_become_one_and_far_ones_stay() {
        let boxes = [(2, 2, 6, 6), (12, 2, 6, 6), (32, 12, 6, 6)];
        assert_eq!(found(&boxes, 1.0).len(), 3);
        assert_eq!(found(&boxes, 5.0), [(2, 2, 16, 6), (32, 12, 6, 6)]);
    }

    #[test]
    fn what_has_come_to_rest_is_not_motion() {
        let mut grid = Grid::new(SMALL);
        let zones = ZoneMap::new(&Default::default(), &[], grid.columns(), grid.rows());
        let levels = moved(&[(5, 3, 9, 8)]);
        let resting = Moved { levels: &levels, fresh: &vec![0; levels.len()] };
        assert_eq!(grid.find(resting, &zones, 0.0), []);
    }

    #[test]
    fn lone_pixels_are_noise() {
        assert_eq!(found(&[(5, 5, 1, 1), (20, 9, 2, 1)], 0.0), []);
    }
}
