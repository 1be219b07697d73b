//! Cameras that encode by themselves: what they send goes on as it is, and is decoded for who wants frames.

use super::listing::read_png;
use super::machine::Machine;
use super::webcam::{Keyframes, Layout, Model, Seen, Webcam, coded, picture};
use super::{assert_rising, film, model, stop, wait_for_cameras, y4m};

const ASKED: Model = Model { keyframes: Keyframes::WhenAsked, ..model("Asked", 3, &[Layout::H264]) };
const UNASKED: Model = model("Unasked", 4, &[Layout::Mjpeg, Layout::H264]);

/// A graph that keeps what the camera `name` sends, and what comes of it decoded; and, where it is named,
/// another file of the same.
fn graph(name: &str, another: Option<&str>) -> String {
    let file = |path: &str, from: &str| {
        format!(
            "  - id: {}\n    kind: write\n    with: {{ path: {path}, overwrite: true }}\n    \
             inputs: {{ items: {{ from: {from}, queue: 32, when_full: block }} }}\n",
            path.replace('.', "-")
        )
    };
    // Takes frames only, so that what the camera sends is decoded for it.
    let frames = "  - id: frames\n    kind: convert\n    with: { to: i420 }\n    inputs: camera\n".to_owned();
    let camera = format!(
        "version: 1\nname: encoded\nnodes:\n  - id: camera\n    kind: v4l2\n    with: {{ camera: \
         \"{name}: {name}\", size: 320x240, rate: 15, capture: h264 }}\n"
    );
    let another = another.map_or(String::new(), |path| file(path, "camera"));
    [camera, file("sent.h264", "camera"), frames, file("frames.y4m", "frames"), another].concat()
}

fn write(machine: &Machine, graph: &str) {
    std::fs::write(machine.shared("encoded.yaml"), graph).expect("the folder is shared");
}

/// The numbers of a file's pictures: whole, in order, from a keyframe on, and from another where one is
/// missing.
fn numbers(machine: &Machine, name: &str) -> Vec<u32> {
    let stream = std::fs::read(machine.shared(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let shown = coded::decoded(&stream);
    let mut before = None;
    for coded::Shown { is_keyframe, numbers: (top, bottom) } in &shown {
        assert_eq!(top, bottom, "{name} has a torn picture: {shown:?}");
        let follows = before.is_some_and(|before| *top == before + 1);
        let joins = *is_keyframe && before.is_none_or(|before| *top > before);
        assert!(follows || joins, "{name} goes from {before:?} to {top}: {shown:?}");
        before = Some(*top);
    }
    shown.iter().map(|shown| shown.numbers.0).collect()
}

fn asks(webcam: &mut Webcam) -> usize {
    webcam.controls().iter().filter(|seen| **seen == Seen::AskedForKeyframe).count()
}

pub fn what_a_camera_encodes_goes_on_as_it_is_from_a_keyframe_that_it_is_asked_for(machine: &mut Machine) {
    let mut webcam = Webcam::plug_in_at(&machine.usb(1), ASKED, 500).expect("the socket is free");
    wait_for_cameras(machine, 2);
    // A trial shows a picture of one that gives nothing else.
    let device = "/dev/v4l/by-id/usb-Framegate_Asked-video-index0";
    let said = machine.must(&format!("framegate cameras --test {device} --picture asked.png"));
    assert!(said.contains("10 pictures of 640x480 by `kind: v4l2`"), "{said}");
    let (top, bottom) = picture::numbers(&read_png(&machine.shared("asked.png")), 640, 640, 480);
    assert!(top == bottom && top > 500, "{top} and {bottom}");
    write(machine, &graph("Asked", None));
    machine.start("encoded", "exec framegate run encoded.yaml");
    film(machine, &mut webcam, 25);
    let asked = asks(&mut webcam);
    assert!(asked > 0, "it was never asked, and makes no keyframe unasked");
    // Who joins later needs another, and so asks for it.
    write(machine, &graph("Asked", Some("later.h264")));
    machine.must("kill -HUP $encoded");
    let deadline = machine.deadline();
    webcam.wait_for("another wish", deadline, |seen| *seen == Seen::AskedForKeyframe);
    film(machine, &mut webcam, 15);
    // What is lost on its way is missing to all that comes after, up to a keyframe.
    let (lost, asked) = (webcam.frames_sent(), asks(&mut webcam));
    webcam.spoil_a_picture();
    film(machine, &mut webcam, 15);
    assert!(asks(&mut webcam) > asked, "it went on with what nobody can decode");
    stop(machine, "encoded");

    assert!(webcam.controls().contains(&Seen::Committed("H264 320x240".to_owned())));
    let (sent, later) = (numbers(machine, "sent.h264"), numbers(machine, "later.h264"));
    assert!(sent.len() >= 40 && sent[0] > 500, "{sent:?}");
    let leaves_out = |pair: &[u32]| pair[1] > pair[0] + 1 && pair[1] > lost;
    assert!(sent.windows(2).any(leaves_out), "one of {lost} or so was lost: {sent:?}");
    assert!(later.len() >= 20 && later[0] > sent[0] + 10 && sent.ends_with(&later), "{later:?}");
    let frames = y4m::read(&machine.shared("frames.y4m"));
    assert_rising(&frames);
    assert!(frames.len() >= 40, "{} frames", frames.len());
    webcam.unplug();
    wait_for_cameras(machine, 1);
}

pub fn a_camera_that_cannot_be_asked_is_joined_at_its_own_next_keyframe(machine: &mut Machine) {
    let mut webcam = Webcam::plug_in_at(&machine.usb(1), UNASKED, 1003).expect("the socket is free");
    wait_for_cameras(machine, 2);
    write(machine, &graph("Unasked", None));
    machine.start("encoded", "exec framegate run encoded.yaml");
    film(machine, &mut webcam, 30);
    let told = "\"Unasked: Unasked\" cannot be asked for keyframes";
    machine.must(&format!("until /busybox grep -qF '{told}' encoded; do sleep 0.1; done"));
    stop(machine, "encoded");
    let sent = numbers(machine, "sent.h264");
    assert!(sent.len() >= 10 && sent[0] > 1003 && sent[0].is_multiple_of(10), "{sent:?}");
    assert_eq!(asks(&mut webcam), 0);
    webcam.unplug();
    wait_for_cameras(machine, 1);
}
