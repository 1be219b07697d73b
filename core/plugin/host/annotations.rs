//! What has been found in the frame on loan, and what a guest adds to it.
//!
//! Bound by hand: generated bindings would make a list, and a text for each label, at every frame.

use std::sync::Arc;

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, WasmStr};

use super::{Answer, State, Store, on_loan};
use crate::media::{Annotations, Detection, Frame, Recycled, Region};
use crate::plugin::bindings::types::Error;
use crate::plugin::lent::{Lent, failed, invalid, not_granted};
use crate::plugin::lifted::Found;
use crate::plugin::looked;

/// Detections of one frame.
pub const DETECTIONS: usize = 1024;
/// Bytes of a label.
pub const LABEL: usize = 64;
/// Labels kept of one plugin; a detector of everyday things knows some eighty.
const LABELS: usize = 128;
/// Tags of one frame, and bytes of their keys and values.
const TAGS: usize = 64;
const TAG_KEY: usize = 64;
const TAG_VALUE: usize = 1024;

/// A detection as the interface has it, its label as it is on its way into the guest, or out of it.
#[derive(Clone, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Exchanged<Label> {
    label: Label,
    score: f32,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    #[component(name = "track-id")]
    track_id: Option<u64>,
}

pub type Told = Exchanged<Arc<str>>;

impl Told {
    fn of(detection: &Detection) -> Told {
        let Detection { label, score, region, track } = detection;
        let Region { x, y, width, height } = *region;
        Told { label: label.clone(), score: *score, x, y, width, height, track_id: *track }
    }
}

/// The labels that a plugin gives, each once: they are few, and go along with every frame.
#[derive(Default)]
struct Labels(Vec<Arc<str>>);

impl Labels {
    fn shared(&mut self, label: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| ***known == *label) {
            return known.clone();
        }
        let label: Arc<str> = label.into();
        if self.0.len() < LABELS {
            self.0.push(label.clone());
        }
        label
    }
}

pub fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut annotations = linker.instance("framegate:frame/annotations@0.1.0")?;
    annotations.func_wrap("detections", detections)?;
    annotations.func_wrap("add-detections", add_detections)?;
    annotations.func_wrap("set-detections", set_detections)?;
    annotations.func_wrap("tag", tag)?;
    annotations.func_wrap("set-tag", set_tag)
}

fn detections(mut store: Store<'_>, (_of,): (Resource<Lent>,)) -> wasmtime::Result<(Arc<Vec<Told>>,)> {
    let State { lent, told, .. } = store.data_mut();
    let found = &on_loan(lent)?.header().annotations().detections;
    let list = Arc::make_mut(told);
    list.clear();
    list.extend(found.iter().map(Told::of));
    Ok((told.clone(),))
}

fn add_detections(mut store: Store<'_>, (_to, items): (Resource<Lent>, Found)) -> Answer<()> {
    let already = store.data_mut().lent()?.header().annotations().detections.len();
    put(store.data_mut(), &items, already)
}

fn set_detections(mut store: Store<'_>, (_of, items): (Resource<Lent>, Found)) -> Answer<()> {
    put(store.data_mut(), &items, 0)
}

/// Puts `items` after the first `kept` detections of the frame, all of them or none.
fn put(state: &mut State, items: &Found, kept: usize) -> Answer<()> {
    let State { lent, heard, .. } = state;
    let frame = on_loan(lent)?.header_mut();
    let found = match heard.found(items, kept) {
        Ok(found) => found,
        Err(refusal) => return Ok((Err(refusal),)),
    };
    frame.annotate(&mut heard.annotations, |annotations| {
        annotations.detections.truncate(kept);
        annotations.detections.extend_from_slice(&found);
    });
    Ok((Ok(()),))
}

/// What a guest has said, in memory that serves for every frame.
#[derive(Default)]
pub struct Heard {
    labels: Labels,
    lists: Recycled<Vec<Detection>>,
    annotations: Recycled<Annotations>,
}

impl Heard {
    /// Checks what a detector says it has found, in a frame where `already` detections are known.
    ///
    /// # Errors
    /// `invalid-argument` for a box outside the picture, a score outside 0..=1 or a label that is too
    /// long; `failed` for too many.
    pub fn found(&mut self, found: &Found, already: usize) -> Result<Arc<Vec<Detection>>, Error> {
        room_for(found.items().len(), already)?;
        let (labels, mut outcome) = (&mut self.labels, Ok(()));
        let list = self.lists.share(|list| {
            list.clear();
            outcome = found.items().iter().try_for_each(|item| {
                let Exchanged { label, score, x, y, width, height, track_id } = item;
                let label = label.text().map_err(too_long)?;
                list.push(checked(label, *score, [*x, *y, *width, *height], *track_id, labels)?);
                Ok(())
            });
        });
        outcome.map(|()| list)
    }
}

fn tag(mut store: Store<'_>, (_of, key): (Resource<Lent>, WasmStr)) -> wasmtime::Result<(Option<String>,)> {
    store.data_mut().lent()?;
    let key = key.to_str(&store)?;
    let annotations = store.data().lent.as_ref().map(|lent| lent.header().annotations());
    let tag = |of: &Arc<Annotations>| looked::tag(of, &key).or_else(|| of.tags.get(&*key).cloned());
    Ok((annotations.and_then(tag),))
}

fn set_tag(mut store: Store<'_>, (_of, key, value): (Resource<Lent>, String, String)) -> Answer<()> {
    let frame = store.data_mut().lent()?.header_mut();
    Ok((tagged(frame, key, value),))
}

fn tagged(frame: &mut Frame, key: String, value: String) -> Result<(), Error> {
    if key.is_empty() || key.len() > TAG_KEY || value.len() > TAG_VALUE {
        let (key, value) = (key.len(), value.len());
        return Err(invalid(format!(
            "a tag has a key of 1 to {TAG_KEY} bytes and a value of at most {TAG_VALUE}, got {key} and {value}"
        )));
    }
    if looked::is_hosts(&key) {
        return Err(not_granted(format!(
            "the tag \"{key}\" is the host's to set: it says that a detector has looked"
        )));
    }
    let tags = &frame.annotations().tags;
    if tags.len() >= TAGS && !tags.contains_key(&key) {
        return Err(failed(format!("a frame has at most {TAGS} tags")));
    }
    frame.annotations_mut().tags.insert(key, value);
    Ok(())
}

fn room_for(more: usize, already: usize) -> Result<(), Error> {
    match more <= DETECTIONS.saturating_sub(already) {
        true => Ok(()),
        false => Err(failed(format!("a frame has at most {DETECTIONS} detections"))),
    }
}

fn too_long(label: usize) -> Error {
    invalid(format!("a label has at most {LABEL} bytes, got {label}"))
}

fn checked(
    label: &str,
    score: f32,
    [x, y, width, height]: [f32; 4],
    track: Option<u64>,
    labels: &mut Labels,
) -> Result<Detection, Error> {
    if label.len() > LABEL {
        return Err(too_long(label.len()));
    }
    if !(0.0..=1.0).contains(&score) {
        return Err(invalid(format!("a score must be between 0 and 1, got {score}")));
    }
    let region = Region::new(x, y, width, height).ok_or_else(|| {
        invalid(format!("a box must lie in the picture (0 to 1), got {x}, {y}, {width} x {height}"))
    })?;
    Ok(Detection { label: labels.shared(label), score, region, track })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::lifted::{Item, Label};

    fn detection() -> Item {
        let label = Label::of("face");
        Item { label, score: 0.5, x: 0.1, y: 0.1, width: 0.2, height: 0.2, track_id: Some(7) }
    }

    #[test]
    fn what_is_found_is_checked_number_by_number() {
        let mut heard = Heard::default();
        let mut found = |items: Vec<Item>, already| heard.found(&items.into(), already);
        let good = found(vec![detection()], 0).unwrap();
        assert_eq!((&*good[0].label, good[0].track), ("face", Some(7)));
        let faults: [fn(&mut Item); 9] = [
            |d| d.x = f32::NAN,
            |d| d.y = f32::INFINITY,
            |d| d.width = -0.1,
            |d| d.height = 1e30,
            |d| d.x = 0.9,
            |d| d.score = f32::NAN,
            |d| d.score = 1.5,
            |d| d.score = -0.1,
            |d| d.label = Label::of(&"x".repeat(65)),
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
