//! From pixels that moved to boxes: cells, growing, merging.

use framegate_sdk::{Region, Size};

use crate::background::{self, Moved};
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
    /// Only while its picture is looked at: who makes it part of a blob takes this back.
    moves: bool,
}

/// The small picture in cells. Its memory is used again for every picture.
pub struct Grid {
    small: Size,
    columns: usize,
    cells: Vec<Cell>,
    moving: Vec<usize>,
    frontier: Vec<usize>,
}

impl Grid {
    pub fn new(small: Size) -> Grid {
        let columns = (small.width as usize).div_ceil(CELL);
        let rows = (small.height as usize).div_ceil(CELL);
        let still = Cell { blob: Blob::nothing(ZoneId::NONE), moves: false };
        let cells = vec![still; columns * rows];
        Grid { small, columns, cells, moving: Vec::new(), frontier: Vec::new() }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn rows(&self) -> usize {
        self.cells.len() / self.columns
    }

    /// Boxes around what moved, per zone; those within `gap` pixels of each other are one.
    pub fn find(&mut self, moved: &[Moved], zones: &ZoneMap, gap: f32) -> Vec<Blob> {
        self.gather(moved, zones);
        let mut blobs = Vec::new();
        let moving = std::mem::take(&mut self.moving);
        for start in &moving {
            if self.cells[*start].moves {
                blobs.push(self.grow(*start));
            }
        }
        self.moving = moving;
        blobs.retain(|blob| blob.fresh * FRESH >= blob.pixels);
        merge(blobs, gap)
    }

    fn gather(&mut self, moved: &[Moved], zones: &ZoneMap) {
        self.moving.clear();
        let width = self.small.width as usize;
        let rows = moved.chunks(CELL * width).enumerate();
        for (row, moved) in rows.filter(|(_, moved)| !is_still(moved)) {
            let cells = &mut self.cells[row * self.columns..][..self.columns];
            for (index, cell) in (row * self.columns..).zip(&mut *cells) {
                cell.blob = Blob::nothing(zones.at(index));
            }
            for (y, moved) in (row * CELL..).zip(moved.chunks_exact(width)) {
                gather_line(cells, y as u16, moved);
            }
            for (index, cell) in (row * self.columns..).zip(cells) {
                cell.moves = cell.blob.pixels >= ENOUGH && cell.blob.zone != ZoneId::IGNORED;
                if cell.moves {
                    self.moving.push(index);
                }
            }
        }
    }

    /// All moving cells of one zone that touch each other, corners included.
    fn grow(&mut self, start: usize) -> Blob {
        let mut blob = self.cells[start].blob;
        self.cells[start].moves = false;
        self.frontier.push(start);
        while let Some(index) = self.frontier.pop() {
            let (column, row) = (index % self.columns, index / self.columns);
            for y in row.saturating_sub(1)..=(row + 1).min(self.rows() - 1) {
                for x in column.saturating_sub(1)..=(column + 1).min(self.columns - 1) {
                    let neighbour = &mut self.cells[y * self.columns + x];
                    if neighbour.moves && neighbour.blob.zone == blob.zone {
                        neighbour.moves = false;
                        blob.join(&neighbour.blob);
                        self.frontier.push(y * self.columns + x);
                    }
                }
            }
        }
        blob
    }
}

/// Most of a picture is still, and is looked through many pixels at once.
#[inline(never)]
fn is_still(moved: &[Moved]) -> bool {
    const MANY: usize = 80;
    let (whole, rest) = moved.as_chunks::<MANY>();
    let any = |all: Moved, one: &Moved| all | one;
    whole.iter().all(|some| some.iter().fold(0, any) == 0) && rest.iter().fold(0, any) == 0
}

/// One line of pixels, each to its cell.
#[inline(never)]
fn gather_line(cells: &mut [Cell], y: u16, moved: &[Moved]) {
    let (whole, rest) = moved.as_chunks();
    let last = std::array::from_fn(|x| rest.get(x).copied().unwrap_or(0));
    let fours = whole.iter().chain((!rest.is_empty()).then_some(&last));
    for (column, four) in fours.enumerate() {
        if *four != [0; CELL] {
            cells[column].blob.add(column * CELL, y, four);
        }
    }
}

impl Blob {
    fn nothing(zone: ZoneId) -> Blob {
        Blob { zone, left: u16::MAX, top: u16::MAX, right: 0, bottom: 0, pixels: 0, levels: 0, fresh: 0 }
    }

    /// Those of a cell's line that moved, at least one of them; the first of the line is at `left`.
    fn add(&mut self, left: usize, y: u16, moved: &[Moved; CELL]) {
        let sum = |part: fn(Moved) -> Moved| moved.iter().map(|one| u32::from(part(*one))).sum();
        // As one number, of which the first pixel is the lowest part.
        let all = moved.iter().rev().fold(0, |all, one| (all << Moved::BITS) | u64::from(*one));
        let (before, after) = (all.trailing_zeros() / Moved::BITS, all.leading_zeros() / Moved::BITS);
        self.join(&Blob {
            zone: self.zone,
            left: left as u16 + before as u16,
            top: y,
            right: (left + CELL) as u16 - after as u16,
            bottom: y + 1,
            pixels: sum(|moved| (moved > 0).into()),
            levels: sum(|moved| moved & 0xff),
            fresh: sum(|moved| (moved >= background::FRESH).into()),
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

    fn moved(size: Size, boxes: &[(usize, usize, usize, usize)], by: Moved) -> Vec<Moved> {
        let mut moved = vec![0; (size.width * size.height) as usize];
        for (x, y, width, height) in boxes {
            for row in *y..y + height {
                moved[row * size.width as usize + x..][..*width].fill(by);
            }
        }
        moved
    }

    fn found(boxes: &[(usize, usize, usize, usize)], gap: f32) -> Vec<(u16, u16, u16, u16)> {
        found_in(SMALL, boxes, gap)
    }

    fn found_in(size: Size, boxes: &[(usize, usize, usize, usize)], gap: f32) -> Vec<(u16, u16, u16, u16)> {
        let mut grid = Grid::new(size);
        let zones = ZoneMap::new(&Default::default(), &[], grid.columns(), grid.rows());
        let all = moved(size, boxes, 80 | background::FRESH);
        let mut found: Vec<_> = (grid.find(&all, &zones, gap).iter())
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
    fn the_cells_at_the_right_and_the_bottom_may_be_smaller() {
        let boxes = [(3, 2, 5, 6), (39, 8, 4, 5), (38, 20, 5, 3)];
        assert_eq!(found_in(Size::new(43, 23), &boxes, 0.0), [(3, 2, 5, 6), (38, 20, 5, 3), (39, 8, 4, 5)]);
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
        let resting = moved(SMALL, &[(5, 3, 9, 8)], 80);
        assert_eq!(grid.find(&resting, &zones, 0.0), []);
    }

    #[test]
    fn lone_pixels_are_noise() {
        assert_eq!(found(&[(5, 5, 1, 1), (20, 9, 2, 1)], 0.0), []);
    }
}
