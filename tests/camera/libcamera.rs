//! Cameras by libcamera: whole pictures, refusals, and what happens when a camera is pulled out.

use super::machine::Machine;
use super::webcam::{Control, Seen, Webcam};
use super::y4m::{self, Shown};
use super::{DOOR, YARD, assert_rising, graph_of, start_of, stop, wait_for_cameras};

pub fn what_a_camera_cannot_do_is_refused_with_what_it_can(machine: &mut Machine) {
    let refusals = [
        ("camera: Gate", "there is no camera \"Gate\"; there is 0 = \""),
        ("size: 1000x1000", "has no 1000x1000; the nearest is "),
        ("saturation: 2", "has no Saturation for \"saturation\" to set"),
        ("low_res: 160x120", "gives one stream only: leave \"low_res\" out"),
        ("hflip: true", "turn"),
    ];
    for (setting, answer) in refusals {
        let graph = graph("refused", &[("camera", setting)]);
        std::fs::write(machine.shared("refused.yaml"), graph).expect("the folder is shared");
        let said = machine.run("framegate run refused.yaml");
        assert!(said.status == 1 && said.text.contains(answer), "{setting}: {}", said.text);
    }
}

pub fn a_hundred_pictures_come_whole_and_in_order_with_the_controls_asked_for(
    machine: &mut Machine,
    door: &mut Webcam,
) {
    let settings = "camera: \"Door: Door\", size: 320x240, brightness: 0.2, exposure: 10ms";
    start(machine, "hundred", &[("door", settings)]);
    let first = door.frames_sent();
    door.wait_for(
        "its 120th frame",
        machine.deadline(),
        |seen| matches!(seen, Seen::Frame(number) if *number > first + 120),
    );
    // One camera cannot be had twice.
    let second = machine.run("framegate cameras --test 'Door: Door'");
    assert!(second.text.contains("\"Door: Door\" is in use by another program"), "{}", second.text);
    stop(machine, "hundred");

    let shown = y4m::read(&machine.shared("door.y4m"));
    assert!(shown.len() >= 100, "{} frames", shown.len());
    assert_rising(&shown);
    let controls = door.controls();
    for wanted in [
        Seen::Committed("NV12 320x240".to_owned()),
        Seen::Set(Control::Brightness, 13),
        Seen::Set(Control::AutoExposureMode, 1),
        Seen::Set(Control::ExposureTime, 100),
    ] {
        assert!(controls.contains(&wanted), "{wanted:?} never arrived: {controls:?}");
    }
}

pub fn two_cameras_run_in_one_graph_and_come_back_after_they_were_unplugged(
    machine: &mut Machine,
    [door, yard]: [&mut Webcam; 2],
) {
    let cameras = [
        ("door", "camera: \"Door: Door\", size: 320x240, on_lost: slate"),
        ("yard", "camera: \"Yard: Yard\", size: 320x240, on_lost: wait"),
    ];
    start(machine, "both", &cameras);
    let deadline = machine.deadline();
    let film = |webcam: &mut Webcam, count: u32| {
        let first = webcam.frames_sent();
        webcam.wait_for(
            "its frames",
            deadline,
            |seen| matches!(seen, Seen::Frame(number) if *number >= first + count),
        );
    };
    film(door, 20);
    film(yard, 20);
    door.unplug();
    yard.unplug();
    // The kernel has seen it when the devices are gone; the slate shows that the graph has.
    wait_for_cameras(machine, 0);
    machine.must("until /busybox grep -q 'looking for it' both; do sleep 0.1; done");
    // Each starts again at a number of its own, far from where it was.
    *door = Webcam::plug_in_at(&machine.usb(0), DOOR, 3000).expect("the socket is free again");
    *yard = Webcam::plug_in_at(&machine.usb(1), YARD, 4000).expect("the socket is free again");
    film(door, 20);
    film(yard, 20);
    stop(machine, "both");

    for (name, again, between) in [("door", 3000, Between::Slates), ("yard", 4000, Between::Nothing)] {
        let shown = y4m::read(&machine.shared(&format!("{name}.y4m")));
        let back = shown.iter().position(|shown| matches!(shown, Shown::Number(number) if *number >= again));
        let back = back.unwrap_or_else(|| panic!("{name} never came back: {shown:?}"));
        let lost = shown.iter().position(|shown| *shown == Shown::Slate).unwrap_or(back);
        assert_rising(&shown[..lost]);
        assert_rising(&shown[back..]);
        assert!(lost >= 5 && shown.len() - back >= 5, "{name}: {shown:?}");
        assert_eq!(lost < back, between == Between::Slates, "{name}: {shown:?}");
        assert!(shown[lost..back].iter().all(|shown| *shown == Shown::Slate), "{name}: {shown:?}");
    }
}

/// What is given while a camera is away.
#[derive(PartialEq)]
enum Between {
    Slates,
    Nothing,
}

pub fn a_camera_that_falls_silent_is_noticed(machine: &mut Machine, door: &mut Webcam) {
    wait_for_cameras(machine, 2);
    start(machine, "silent", &[("door", "camera: \"Door: Door\", size: 320x240")]);
    let first = door.frames_sent();
    let deadline = machine.deadline();
    door.wait_for("frames", deadline, |seen| matches!(seen, Seen::Frame(number) if *number > first + 10));
    door.fall_silent(true);
    machine.must("until /busybox grep -q 'gave no picture for .*looking for it' silent; do sleep 0.1; done");
    door.fall_silent(false);
    let first = door.frames_sent();
    door.wait_for(
        "frames again",
        deadline,
        |seen| matches!(seen, Seen::Frame(number) if *number > first + 10),
    );
    stop(machine, "silent");
    assert_rising(&y4m::read(&machine.shared("door.y4m")));
}

pub fn a_graph_that_must_not_lose_its_camera_ends_with_an_error(machine: &mut Machine, mut door: Webcam) {
    start(machine, "must", &[("door", "camera: \"Door: Door\", size: 320x240, on_lost: stop")]);
    let first = door.frames_sent();
    door.wait_for(
        "frames",
        machine.deadline(),
        |seen| matches!(seen, Seen::Frame(number) if *number > first + 10),
    );
    drop(door);
    let said = machine.end_of("must");
    let reason = "\"Door: Door\" was unplugged, and \"on_lost\" is \"stop\"";
    assert!(said.status == 1 && said.text.contains(reason), "{said:?}");
}

fn graph(name: &str, cameras: &[(&str, &str)]) -> String {
    graph_of("libcamera", name, cameras)
}

fn start(machine: &mut Machine, name: &str, cameras: &[(&str, &str)]) {
    start_of("libcamera", machine, name, cameras);
}
