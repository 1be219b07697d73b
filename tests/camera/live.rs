//! Settings that change while a camera runs: its controls, and nothing else, without a stop.

use super::machine::Machine;
use super::webcam::{Control, Seen, Webcam};
use super::y4m::{self, Shown};
use super::{assert_rising, film, stop};

/// A graph whose file holds every picture the camera gave.
fn graph(kind: &str, settings: &str) -> String {
    format!(
        "version: 1\nname: live\nnodes:\n  - id: door\n    kind: {kind}\n    with: {{ camera: \"Door: Door\", \
         size: 320x240, {settings} }}\n  - id: file\n    kind: write\n    with: {{ path: live.y4m, overwrite: \
         true }}\n    inputs: {{ items: {{ from: door.frames, queue: 16, when_full: block }} }}\n"
    )
}

fn change(machine: &mut Machine, graph: &str) {
    std::fs::write(machine.shared("live.yaml"), graph).expect("the folder is shared");
    machine.must("kill -HUP $live");
}

fn arrives(machine: &Machine, door: &mut Webcam, control: Control, value: i64) {
    let wanted = Seen::Set(control, value);
    door.wait_for(&format!("{wanted:?}"), machine.deadline(), |seen| *seen == wanted);
}

fn is_told(machine: &mut Machine, text: &str) {
    machine.must(&format!("until /busybox grep -qF '{text}' live; do sleep 0.1; done"));
}

fn commits(door: &mut Webcam) -> usize {
    door.controls().iter().filter(|seen| matches!(seen, Seen::Committed(_))).count()
}

/// Starts it, and gives how often a format was agreed before.
fn start(machine: &mut Machine, door: &mut Webcam, graph: &str) -> usize {
    let before = commits(door);
    std::fs::write(machine.shared("live.yaml"), graph).expect("the folder is shared");
    machine.start("live", "exec framegate run live.yaml");
    film(machine, door, 10);
    before
}

/// Ends it: the camera was started once and gave whole pictures in order all the while.
fn end(machine: &mut Machine, door: &mut Webcam, before: usize) -> Vec<Shown> {
    film(machine, door, 10);
    stop(machine, "live");
    assert_eq!(commits(door), before + 1, "the camera was stopped in between");
    let shown = y4m::read(&machine.shared("live.y4m"));
    assert!(shown.len() >= 20, "{} frames", shown.len());
    assert_rising(&shown);
    shown
}

pub fn the_kernels_controls_change_without_a_gap(machine: &mut Machine, door: &mut Webcam) {
    // Slow enough for every picture to be there, whatever else the machine is at.
    let of = |controls: &str| graph("v4l2", &format!("rate: 10, controls: {{ {controls} }}"));
    let before = start(machine, door, &of("brightness: 3"));
    change(machine, &of("brightness: 21, auto_exposure: 1, exposure_time_absolute: 50"));
    arrives(machine, door, Control::ExposureTime, 50);
    film(machine, door, 5);
    change(machine, &of("brightness: 999, contrast: 1"));
    is_told(machine, "takes brightness between -64 and 64, got 999; the graph goes on as it was");
    change(machine, &of("brightness: 21").replace("320x240", "640x480"));
    is_told(
        machine,
        "\"size\" of \"Door: Door\" can change with a restart only; the graph goes on as it was",
    );
    change(machine, &of("brightness: 22"));
    arrives(machine, door, Control::AutoExposureMode, 8);
    // The same in other words: udev's name of the same camera, a text for a number, what holds anyway.
    let words = of("brightness: 23").replace("rate: 10", "rate: \"10\", capture: auto");
    change(machine, &words.replace("Door: Door", "/dev/v4l/by-id/usb-Framegate_Door-video-index0"));
    arrives(machine, door, Control::Brightness, 23);
    let shown = end(machine, door, before);

    let numbers: Vec<u32> = shown.iter().filter_map(Shown::number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a picture is missing: {numbers:?}");
    let set: Vec<Seen> = door.controls().into_iter().filter(|seen| matches!(seen, Seen::Set(..))).collect();
    let wanted = [
        Seen::Set(Control::Brightness, 3),
        Seen::Set(Control::AutoExposureMode, 1),
        Seen::Set(Control::Brightness, 21),
        Seen::Set(Control::ExposureTime, 50),
        // What is not named any more goes back, while exposure is still by hand.
        Seen::Set(Control::ExposureTime, 333),
        Seen::Set(Control::AutoExposureMode, 8),
        Seen::Set(Control::Brightness, 22),
        Seen::Set(Control::Brightness, 23),
    ];
    assert!(set.ends_with(&wanted), "{set:?}");
}

pub fn libcameras_controls_change_without_a_stop(machine: &mut Machine, door: &mut Webcam) {
    let before = start(machine, door, &graph("libcamera", "brightness: 0.2"));
    change(machine, &graph("libcamera", "brightness: 0.4, exposure: 10ms"));
    arrives(machine, door, Control::ExposureTime, 100);
    film(machine, door, 5);
    change(machine, &graph("libcamera", "brightness: 0.4, exposure: 10ms, saturation: 2"));
    is_told(machine, "has no Saturation for \"saturation\" to set");
    change(machine, &graph("libcamera", "brightness: 0.4, rate: 10"));
    is_told(
        machine,
        "\"rate\" of \"Door: Door\" can change with a restart only; the graph goes on as it was",
    );
    change(machine, &graph("libcamera", "contrast: 1.5"));
    arrives(machine, door, Control::Brightness, 0);
    end(machine, door, before);
    for wanted in [
        Seen::Set(Control::Brightness, 26),
        Seen::Set(Control::AutoExposureMode, 1),
        Seen::Set(Control::AutoExposureMode, 8),
    ] {
        assert!(door.controls().contains(&wanted), "{wanted:?} never arrived: {:?}", door.controls());
    }
}
