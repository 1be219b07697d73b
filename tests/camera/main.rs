//! Real drivers, real libcamera, the real program: one virtual machine is booted with Debian's own
//! kernel, and webcams that are made of software are plugged into it and pulled out again; an encoder made of
//! software comes as a driver.
//!
//! What is asserted is content (which frames, in which order, which controls arrived), never speed.
//! Run by `make test-camera`: without a camera feature there is nothing here.
#![cfg(any(feature = "libcamera", feature = "libcamera-0-3", feature = "v4l2"))]

#[path = "../support/webcam/mod.rs"]
mod webcam;

mod encoded;
#[cfg(feature = "v4l2")]
mod encoder;
#[cfg(feature = "v4l2")]
mod inside;
mod kernel;
mod libcamera;
mod listing;
mod live;
mod machine;
mod y4m;

// Part of the build script, whose own tests nothing else would run.
#[allow(dead_code)]
#[path = "../../core/nodes/libcamera/requirement.rs"]
mod requirement;

use std::time::Duration;

use machine::Machine;
use webcam::{Keyframes, Layout, Model, Seen, Webcam};
use y4m::Shown;

const LIBCAMERA: bool = cfg!(any(feature = "libcamera", feature = "libcamera-0-3"));
const V4L2: bool = cfg!(feature = "v4l2");

/// Everything is over by then: two minutes when the machine has nothing else to do.
const LIMIT: Duration = Duration::from_secs(400);

const DOOR: Model = model("Door", 1, &[Layout::Nv12, Layout::Yuyv]);
const YARD: Model = model("Yard", 2, &[Layout::Yuyv, Layout::Mjpeg]);

const fn model(name: &'static str, product: u16, layouts: &'static [Layout]) -> Model {
    Model { name, product, layouts, keyframes: Keyframes::Every(10) }
}

/// What the kernel makes of their names.
const MODELS: [&str; 2] = ["Door: Door", "Yard: Yard"];

#[test]
fn real_drivers_and_the_real_program_do_as_promised() {
    let mut machine = Machine::boot(LIMIT);
    let mut door = plug(&machine, 0, DOOR);
    let mut yard = plug(&machine, 1, YARD);
    wait_for_cameras(&mut machine, 2);

    listing::both_cameras_are_listed_with_what_they_offer(&mut machine);
    listing::ten_pictures_come_whole_and_one_is_saved(&mut machine);
    #[cfg(feature = "v4l2")]
    encoder::an_encoder_in_hardware_takes_pictures_by_both_dialects(&mut machine);
    if V4L2 {
        let both = [&mut door, &mut yard];
        kernel::the_kernels_own_interface_gives_whole_pictures_of_every_sort(&mut machine, both);
        kernel::what_the_kernels_interface_has_not_is_refused_with_what_it_has(&mut machine);
        live::the_kernels_controls_change_without_a_gap(&mut machine, &mut door);
        kernel::it_finds_an_unplugged_camera_again(&mut machine, &mut door);
        yard.unplug();
        encoded::what_a_camera_encodes_goes_on_as_it_is_from_a_keyframe_that_it_is_asked_for(&mut machine);
        encoded::a_camera_that_cannot_be_asked_is_joined_at_its_own_next_keyframe(&mut machine);
        yard = plug(&machine, 1, YARD);
        wait_for_cameras(&mut machine, 2);
    }
    if LIBCAMERA {
        by_libcamera(&mut machine, [door, yard]);
    }
}

fn by_libcamera(machine: &mut Machine, [mut door, mut yard]: [Webcam; 2]) {
    libcamera::what_a_camera_cannot_do_is_refused_with_what_it_can(machine);
    libcamera::a_hundred_pictures_come_whole_and_in_order_with_the_controls_asked_for(machine, &mut door);
    live::libcameras_controls_change_without_a_stop(machine, &mut door);
    let both = [&mut door, &mut yard];
    libcamera::two_cameras_run_in_one_graph_and_come_back_after_they_were_unplugged(machine, both);
    libcamera::a_camera_that_falls_silent_is_noticed(machine, &mut door);
    libcamera::a_graph_that_must_not_lose_its_camera_ends_with_an_error(machine, door);
}

fn plug(machine: &Machine, port: usize, model: Model) -> Webcam {
    Webcam::plug_in(&machine.usb(port), model).expect("the socket is free")
}

/// Plugging in takes the kernel and udev a moment.
fn wait_for_cameras(machine: &mut Machine, count: usize) {
    let listed = "$(/busybox ls /sys/class/video4linux 2>/dev/null | /busybox wc -l)";
    // Each camera has a second device, for metadata.
    machine.must(&format!("until [ {listed} = {} ]; do sleep 0.1; done; udevadm settle", 2 * count));
}

/// Waits until a webcam has sent `count` more frames.
fn film(machine: &Machine, webcam: &mut Webcam, count: u32) {
    let first = webcam.frames_sent();
    webcam.wait_for(
        "its frames",
        machine.deadline(),
        |seen| matches!(seen, Seen::Frame(number) if *number >= first + count),
    );
}

/// A graph that writes what each camera gives to a file of its name.
fn graph_of(kind: &str, name: &str, cameras: &[(&str, &str)]) -> String {
    let node = |(id, settings): &(&str, &str)| {
        format!(
            "  - id: {id}\n    kind: {kind}\n    with: {{ {settings} }}\n  - id: {id}-file\n    kind: write\n    \
             with: {{ path: {id}.y4m, overwrite: true }}\n    inputs: {{ items: {{ from: {id}.frames, queue: 4 }} }}\n"
        )
    };
    format!("version: 1\nname: {name}\nnodes:\n{}", cameras.iter().map(node).collect::<String>())
}

fn start_of(kind: &str, machine: &mut Machine, name: &str, cameras: &[(&str, &str)]) {
    std::fs::write(machine.shared(&format!("{name}.yaml")), graph_of(kind, name, cameras))
        .expect("the folder is shared");
    machine.start(name, &format!("exec framegate run {name}.yaml"));
}

/// Ends a run as a user would, and expects it to end well.
fn stop(machine: &mut Machine, name: &str) {
    machine.must(&format!("kill -INT ${name}"));
    let said = machine.end_of(name);
    assert_eq!(said.status, 0, "{}", said.text);
}

/// Whole pictures, each once, none before one that was taken earlier.
fn assert_rising(shown: &[Shown]) {
    let numbers: Vec<u32> = shown
        .iter()
        .map(|shown| match shown {
            Shown::Number(number) => *number,
            other => panic!("{other:?} among {shown:?}"),
        })
        .collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "out of order or shown twice: {numbers:?}");
}
