//! What has been found in the frame on loan, and what a guest adds to it.

use wasmtime::component::Resource;

use super::State;
use crate::media::{Detection, Region};
use crate::plugin::bindings::annotations;
use crate::plugin::bindings::types::{self, Error};
use crate::plugin::lent::{Lent, failed, invalid, not_granted};
use crate::plugin::looked;

/// Detections of one frame.
const DETECTIONS: usize = 1024;
/// Bytes of a label.
const LABEL: usize = 64;
/// Tags of one frame, and bytes of their keys and values.
const TAGS: usize = 64;
const TAG_KEY: usize = 64;
const TAG_VALUE: usize = 1024;

impl annotations::Host for State {
    fn detections(&mut self, _of: Resource<Lent>) -> wasmtime::Result<Vec<types::Detection>> {
        let found = &self.lent()?.header().annotations().detections;
        Ok(found.iter().map(to_guest).collect())
    }

    fn add_detections(
        &mut self,
        _to: Resource<Lent>,
        items: Vec<types::Detection>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let lent = self.lent()?;
        let already = lent.header().annotations().detections.len();
        Ok(found(items, already).map(|more| lent.header_mut().annotations_mut().detections.extend(more)))
    }

    fn set_detections(
        &mut self,
        _of: Resource<Lent>,
        items: Vec<types::Detection>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let lent = self.lent()?;
        Ok(found(items, 0).map(|all| lent.header_mut().annotations_mut().detections = all))
    }

    fn tag(&mut self, _of: Resource<Lent>, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.lent()?.header().annotations().tags.get(&key).cloned())
    }

    fn set_tag(
        &mut self,
        _of: Resource<Lent>,
        key: String,
        value: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let lent = self.lent()?;
        if key.is_empty() || key.len() > TAG_KEY || value.len() > TAG_VALUE {
            let (key, value) = (key.len(), value.len());
            return Ok(Err(invalid(format!(
                "a tag has a key of 1 to {TAG_KEY} bytes and a value of at most {TAG_VALUE}, got {key} and {value}"
            ))));
        }
        if looked::is_hosts(&key) {
            return Ok(Err(not_granted(format!(
                "the tag \"{key}\" is the host's to set: it says that a detector has looked"
            ))));
        }
        let tags = &lent.header().annotations().tags;
        if tags.len() >= TAGS && !tags.contains_key(&key) {
            return Ok(Err(failed(format!("a frame has at most {TAGS} tags"))));
        }
        lent.header_mut().annotations_mut().tags.insert(key, value);
        Ok(Ok(()))
    }
}

/// Checks what a guest says it has found, in a frame where `already` detections are known.
///
/// # Errors
/// `invalid-argument` for a box outside the picture, a score outside 0..=1 or a label that is too
/// long; `failed` for too many.
pub fn found(items: Vec<types::Detection>, already: usize) -> Result<Vec<Detection>, Error> {
    if items.len() > DETECTIONS.saturating_sub(already) {
        return Err(failed(format!("a frame has at most {DETECTIONS} detections")));
    }
    items.into_iter().map(from_guest).collect()
}

fn from_guest(item: types::Detection) -> Result<Detection, Error> {
    let types::Detection { label, score, x, y, width, height, track_id } = item;
    if label.len() > LABEL {
        return Err(invalid(format!("a label has at most {LABEL} bytes, got {}", label.len())));
    }
    if !(0.0..=1.0).contains(&score) {
        return Err(invalid(format!("a score must be between 0 and 1, got {score}")));
    }
    let region = Region::new(x, y, width, height).ok_or_else(|| {
        invalid(format!("a box must lie in the picture (0 to 1), got {x}, {y}, {width} x {height}"))
    })?;
    Ok(Detection { label, score, region, track: track_id })
}

fn to_guest(detection: &Detection) -> types::Detection {
    let Detection { label, score, region, track } = detection;
    let Region { x, y, width, height } = *region;
    types::Detection { label: label.clone(), score: *score, x, y, width, height, track_id: *track }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection() -> types::Detection {
        types::Detection {
            label: "face".to_owned(),
            score: 0.5,
            x: 0.1,
            y: 0.1,
            width: 0.2,
            height: 0.2,
            track_id: Some(7),
        }
    }

    #[test]
    fn what_is_found_is_checked_number_by_number() {
        assert!(found(vec![detection()], 0).is_ok());
        let faults: [fn(&mut types::Detection); 9] = [
            |d| d.x = f32::NAN,
            |d| d.y = f32::INFINITY,
            |d| d.width = -0.1,
            |d| d.height = 1e30,
            |d| d.x = 0.9,
            |d| d.score = f32::NAN,
            |d| d.score = 1.5,
            |d| d.score = -0.1,
            |d| d.label = "x".repeat(65),
        ];
        for (index, fault) in faults.into_iter().enumerate() {
            let mut bad = detection();
            fault(&mut bad);
            assert!(found(vec![bad], 0).is_err(), "fault {index}");
        }
        assert!(found(vec![detection(); 1025], 0).is_err());
        assert!(found(vec![detection()], DETECTIONS).is_err());
    }
}
