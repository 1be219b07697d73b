//! A face in natural footage: found, and never shown. The truth is told by hand, not by the detector.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use framegate::media::{Frame, Item, Region};
use framegate::node::Kinds;
use framegate::nodes::collect::Basket;
use framegate::run::{self, Running};
use framegate::{catalog, graph};

use crate::bench;
use crate::support::{clips, models};
use crate::swap::rebuilt;

const FRAMES: usize = 120;
/// For a machine with much else to do; nothing is judged by how long it takes.
const PATIENCE: Duration = Duration::from_secs(120);
const WIDTH: usize = 176;
/// Every 12 frames of the clip, where the tip of the nose is.
const NOSE: [(f32, f32); 10] = [
    (90.0, 64.0),
    (85.0, 64.5),
    (88.5, 64.5),
    (78.0, 64.5),
    (76.0, 66.0),
    (78.5, 59.0),
    (75.0, 56.0),
    (66.0, 59.0),
    (58.0, 63.0),
    (59.0, 61.0),
];

fn nose(sequence: u64) -> (f32, f32) {
    let sequence = in_clip(sequence) as u64;
    let step = sequence as usize / 12;
    let (from, to) = (NOSE[step], NOSE[(step + 1).min(NOSE.len() - 1)]);
    let part = (sequence % 12) as f32 / 12.0;
    (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part)
}

/// Which picture of the clip it is: a clip that begins again is numbered on.
fn in_clip(sequence: u64) -> usize {
    sequence as usize % FRAMES
}

/// Eyes, nose and mouth, with room for a hand that told the truth a little wrong.
fn inner_face(sequence: u64) -> impl Iterator<Item = usize> {
    let (x, y) = nose(sequence);
    let rows = y as usize - 14..=y as usize + 14;
    rows.flat_map(move |y| (x as usize - 12..=x as usize + 12).map(move |x| y * WIDTH + x))
}

fn kinds() -> Kinds {
    let mut kinds = catalog::kinds();
    kinds.present.retain(|kind| kind.about().name != "plugin");
    kinds.present.push(Arc::new(bench::kind()));
    kinds
}

/// Runs the clip through `nodes`, which end in `last`; gives every frame that left.
fn run_clip(basket: &str, nodes: &str, last: &str) -> Vec<Frame> {
    let (running, kept) = start(basket, "offline", "", nodes, last);
    kept.wait_for_end(PATIENCE);
    let _ended = running.wait();
    frames(&kept)
}

/// The frames that left so far.
fn frames(kept: &Basket) -> Vec<Frame> {
    let frame = |item| match item {
        Item::Frame(frame) => frame,
        Item::AccessUnit(_) | Item::Detections(_) => panic!("only frames leave"),
    };
    kept.items().into_iter().map(frame).collect()
}

/// The clip on its way through `nodes`; `camera` are more settings of its file, a comma before each.
fn start(basket: &str, clock: &str, camera: &str, nodes: &str, last: &str) -> (Running, Basket) {
    let folder = std::env::current_dir().expect("cargo gives tests a folder");
    let model = folder.join(models::blazeface());
    let text = format!(
        "version: 1\nclock: {clock}\nmodels:\n  - name: faces\n    path: {}\n    input: {{ size: 128x128, layout: nhwc, mean: [127.5], \
         deviation: [127.5] }}\nnodes:\n  - {{ id: camera, kind: file, with: {{ path: {}{camera} }} }}\n{nodes}  \
         - {{ id: end, kind: collect, with: {{ into: {basket} }}, inputs: {last} }}\n",
        model.display(),
        clips::carphone().display(),
    );
    let text = graph::Text { name: "faces.yaml".to_owned(), folder, text };
    let checked = graph::load(&text, &[], &kinds(), &|_| None);
    let plan = checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.findings));
    let kept = Basket::open(basket);
    let running = run::build(plan, NonZeroUsize::new(2).unwrap()).unwrap().start().unwrap();
    (running, kept)
}

fn holds(region: &Region, (x, y): (f32, f32)) -> bool {
    let (x, y) = (x / WIDTH as f32, y / 144.0);
    (region.x..region.x + region.width).contains(&x) && (region.y..region.y + region.height).contains(&y)
}

const FACES: &str = "  - { id: faces, kind: plugin, plugin: faces, models: [faces], with: { min_score: 0.4 }, inputs: camera }\n";

#[test]
fn the_face_is_found_in_nearly_every_frame_and_hardly_anything_else() {
    let frames = run_clip("found", FACES, "faces.frames");
    assert_eq!(frames.len(), FRAMES);
    let (mut found, mut other) = (0, 0);
    for frame in &frames {
        let faces = &frame.annotations().detections;
        let is_true = |region: &Region| holds(region, nose(frame.sequence));
        assert!(faces.iter().all(|face| *face.label == *"face"));
        found += usize::from(faces.iter().any(|face| is_true(&face.region)));
        other += faces.iter().filter(|face| !is_true(&face.region)).count();
        // A box that covers everything would find everything.
        assert!(faces.iter().all(|face| face.region.width * face.region.height < 0.25), "{faces:?}");
    }
    assert!(found * 100 >= FRAMES * 95, "found in {found} of {FRAMES} frames");
    assert!(other * 20 <= FRAMES, "{other} faces where there are none");
}

/// How much of the face can be seen as it was, 0 to 1, in the frame that shows most of it.
fn seen(clip: &[Vec<u8>], frames: &[Frame]) -> f64 {
    let share = |frame: &Frame| {
        let (before, after) = (&clip[in_clip(frame.sequence)], bench::packed(frame));
        let pixels: Vec<usize> = inner_face(frame.sequence).collect();
        let same = pixels.iter().filter(|&&at| before[at].abs_diff(after[at]) <= 2).count();
        same as f64 / pixels.len() as f64
    };
    frames.iter().map(share).fold(0.0, f64::max)
}

/// The pictures of the clip as they are.
fn clip(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).expect("the clip was just made");
    let header = bytes.iter().position(|&byte| byte == b'\n').expect("a header line") + 1;
    let frames = bytes[header..].chunks_exact("FRAME\n".len() + WIDTH * 144 * 3 / 2);
    frames.map(|frame| frame["FRAME\n".len()..].to_vec()).collect()
}

fn privacy(inputs: &str) -> String {
    format!(
        "  - {{ id: privacy, kind: plugin, plugin: privacy, with: {{ labels: [face] }}, inputs: {inputs} }}\n"
    )
}

/// Of the frames, those hidden from edge to edge: even the corner far from any face is not as it was.
fn wholly_hidden(clip: &[Vec<u8>], frames: &[Frame]) -> usize {
    let hidden = |frame: &&Frame| {
        let (before, after) = (&clip[in_clip(frame.sequence)], bench::packed(frame));
        let corner = (20..70).flat_map(|y| (140..175).map(move |x| y * WIDTH + x));
        corner.clone().filter(|&at| before[at].abs_diff(after[at]) > 2).count() * 10 > corner.count()
    };
    frames.iter().filter(hidden).count()
}

#[test]
fn no_frame_leaves_with_the_face_in_clear() {
    let clip = clip(&clips::carphone());
    let bare = run_clip("bare", FACES, "faces.frames");
    assert_eq!(seen(&clip, &bare), 1.0, "without privacy the face is there");
    let hidden = run_clip("hidden", &(FACES.to_owned() + &privacy("faces")), "privacy");
    assert_eq!(hidden.len(), FRAMES);
    let most = seen(&clip, &hidden);
    assert!(most < 0.5, "{most} of a face can be seen");
    assert_eq!(wholly_hidden(&clip, &hidden), 0, "what is no face stays as it was");
    save("hidden", &hidden);
}

#[test]
fn no_frame_leaves_with_the_face_in_clear_where_the_detector_works_beside_the_picture() {
    let clip = clip(&clips::carphone());
    let beside = privacy("{ frames: camera, detections: { from: faces.detections, join: same_pts } }");
    let hidden = run_clip("beside", &(FACES.to_owned() + &beside), "privacy");
    assert_eq!(hidden.len(), FRAMES);
    let most = seen(&clip, &hidden);
    assert!(most < 0.5, "{most} of a face can be seen");
    assert_eq!(wholly_hidden(&clip, &hidden), 0, "what is no face stays as it was");
}

#[test]
fn while_the_detector_is_stopped_every_frame_is_black() {
    let clip = clip(&clips::carphone());
    // No network is done within a millisecond, twice for each frame.
    let stopped =
        FACES.replace("plugin: faces,", "plugin: faces, on_error: black, limits: { stop_after: 1ms },");
    let hidden = run_clip("stopped", &(stopped + &privacy("faces")), "privacy");
    assert_eq!((hidden.len(), wholly_hidden(&clip, &hidden)), (FRAMES, FRAMES));
    assert!(seen(&clip, &hidden) < 0.5);
    save("stopped", &hidden);
}

#[test]
fn where_the_detector_looks_at_few_frames_the_others_are_hidden_whole() {
    let clip = clip(&clips::carphone());
    let rarely = FACES.replace("inputs: camera", "inputs: { frames: { from: camera, rate: 5 } }");
    let privacy = |join: &str| {
        privacy(&format!("{{ frames: camera, detections: {{ from: faces.detections, {join} }} }}"))
            .replace("labels: [face]", "labels: [face], after: [faces]")
    };
    let hidden = run_clip("rarely", &(rarely.clone() + &privacy("join: same_pts")), "privacy");
    assert_eq!((hidden.len(), wholly_hidden(&clip, &hidden)), (FRAMES, FRAMES - FRAMES / 6));
    assert!(seen(&clip, &hidden) < 0.5);
    // With older boxes for a while: a face does not go far in a tenth of a second.
    let late = run_clip("late", &(rarely + &privacy("join: latest, max_age: 100ms")), "privacy");
    let whole = wholly_hidden(&clip, &late);
    assert!((FRAMES / 6..FRAMES - FRAMES / 6).contains(&whole), "{whole}");
    let most = seen(&clip, &late);
    assert!(most < 0.5, "{most} of a face can be seen");
}

#[test]
fn no_frame_leaves_with_the_face_in_clear_while_the_detector_is_swapped() {
    let clip = clip(&clips::carphone());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("faces.wasm");
    let component = framegate::plugin::bundled::find("faces").expect("it is bundled").to_vec();
    std::fs::write(&file, &component).expect("the folder can be written");
    let watched = FACES.replace("plugin: faces,", &format!("plugin: {}, watch: true,", file.display()));
    let hides = privacy("faces").replace("labels: [face]", "labels: [face], after: [faces]");
    let (running, kept) = start("swapped", "live", ", loop: true", &(watched + &hides), "privacy");
    kept.wait_for(10, PATIENCE);
    std::fs::write(&file, rebuilt(component, b'2')).expect("the folder can be written");
    let watch = running.watch();
    let swaps = || crate::graphs::count(&watch.report(), "faces", "swaps");
    while swaps() == 0 {
        let there = kept.items().len();
        assert!(kept.wait_for(there + 1, PATIENCE).len() > there, "the picture goes on");
    }
    let there = kept.items().len();
    kept.wait_for(there + 30, PATIENCE);
    running.stop();
    crate::graphs::well(&running.wait());
    let hidden = frames(&kept);
    let most = seen(&clip, &hidden);
    assert!(most < 0.5, "{most} of a face can be seen");
    assert!(wholly_hidden(&clip, &hidden) < hidden.len(), "what is no face stays as it was");
}

#[test]
fn what_is_encoded_shows_no_more_of_the_face_than_what_went_in() {
    let clip = clip(&clips::carphone());
    let hides = FACES.to_owned() + &privacy("faces");
    let hidden = run_clip("before-encoding", &hides, "privacy");
    // The same size again: what asks for pixels has the checker put a decoder before it.
    let encodes = "  - { id: h264, kind: h264, with: { bitrate: 400k }, inputs: privacy }\n  \
                   - { id: again, kind: scale, with: { size: 176x144 }, inputs: h264 }\n";
    let decoded = run_clip("encoded", &(hides + encodes), "again");
    assert_eq!(decoded.len(), FRAMES);
    for (hidden, decoded) in hidden.iter().zip(&decoded) {
        let (hidden, after) = (bench::packed(hidden), bench::packed(decoded));
        let clear = &clip[in_clip(decoded.sequence)];
        let away = |from: &[u8]| -> u32 {
            inner_face(decoded.sequence).map(|at| u32::from(from[at].abs_diff(after[at]))).sum()
        };
        let (from_hidden, from_clear) = (away(&hidden), away(clear));
        assert!(from_hidden * 2 < from_clear, "frame {}: {from_hidden}, {from_clear}", decoded.sequence);
    }
    save("encoded", &decoded);
}

/// What `check` finds when the model and the node of the face detector say this besides.
fn findings(model: &str, node: &str) -> Vec<(&'static str, String, String)> {
    let text = format!(
        "version: 1\nmodels:\n  - {{ name: faces, path: {}, {model} }}\nnodes:\n  - {{ id: camera, kind: test_pattern }}\n  \
         - {{ id: faces, kind: plugin, inputs: camera, {node} }}\n  - {{ id: end, kind: collect, inputs: faces.frames }}\n",
        models::blazeface().display(),
    );
    let folder = std::env::current_dir().expect("cargo gives tests a folder");
    let text = graph::Text { name: "faces.yaml".to_owned(), folder, text };
    let findings = graph::load(&text, &[], &kinds(), &|_| None).findings;
    findings.into_iter().map(|finding| (finding.code, finding.path.to_string(), finding.message)).collect()
}

const INPUT: &str = "input: { size: 128x128, layout: nhwc }";
const NODE: &str = "plugin: faces, models: [faces]";

#[test]
fn a_model_that_cannot_be_what_the_graph_says_is_a_finding() {
    assert_eq!(findings(INPUT, NODE), []);
    let one = |model: &str, node: &str| {
        let found = findings(model, node);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().expect("one finding")
    };
    let zeros = "0".repeat(64);
    let (code, path, text) = one(&format!("{INPUT}, sha256: \"{zeros}\""), NODE);
    assert_eq!((code, path.as_str()), ("wrong-digest", "nodes[1].models[0]"));
    assert!(text.contains("d388b1cf8a5f") && text.contains(&zeros), "{text}");
    let (code, _, text) = one("input: { size: 64x64 }", NODE);
    assert_eq!(code, "bad-model");
    assert!(text.contains("1x128x128x3 of F32, and `input` gives 1x3x64x64"), "{text}");
}

#[test]
fn models_are_granted_by_name_to_plugins_that_run_them() {
    let codes = |node: &str| findings(INPUT, node).into_iter().map(|(code, ..)| code).collect::<Vec<_>>();
    assert_eq!(codes("plugin: faces"), ["unused-model", "not-granted"]);
    assert_eq!(codes("plugin: faces, models: [faces], allow: [annotations, pixels-read]"), ["not-granted"]);
    assert_eq!(codes("plugin: motion, models: [faces]"), ["not-imported"]);
    let other = std::panic::catch_unwind(|| {
        run_clip("other", &FACES.replace("min_score: 0.4", "model: other"), "faces.frames")
    });
    assert!(other.is_err(), "it opened a model that its node does not name");
}

/// The frames as a clip, for whoever wants to see them: FRAMEGATE_SHOW names the folder.
fn save(name: &str, frames: &[Frame]) {
    let Some(folder) = std::env::var_os("FRAMEGATE_SHOW") else { return };
    let clip: Vec<u8> =
        frames.iter().flat_map(|frame| [b"FRAME\n".to_vec(), bench::packed(frame)].concat()).collect();
    let header = b"YUV4MPEG2 W176 H144 F30:1 C420jpeg\n";
    std::fs::write(Path::new(&folder).join(format!("{name}.y4m")), [&header[..], &clip].concat())
        .expect("the folder can be written");
}
