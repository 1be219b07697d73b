//! Real drivers, real libcamera, the real program: one virtual machine is booted with Debian's own
//! kernel, and webcams that are made of software are plugged into it and pulled out again.
//!
//! What is asserted is content (which frames, in which order, which controls arrived), never speed.
//! Run by `make test-camera`: without a camera feature there is nothing here.
#![cfg(any(feature = "libcamera", feature = "libcamera-0-3"))]

#[path = "../support/webcam/mod.rs"]
mod webcam;

mod machine;
mod y4m;

// Part of the build script, whose own tests nothing else would run.
#[allow(dead_code)]
#[path = "../../core/nodes/libcamera/requirement.rs"]
mod requirement;

use std::time::Duration;

use machine::Machine;
use webcam::{Control, Layout, Model, Seen, Webcam};
use y4m::Shown;

/// Everything is over by then: a minute when the machine has nothing else to do.
const LIMIT: Duration = Duration::from_secs(400);

const DOOR: Model = Model { name: "Door", product: 1, layouts: &[Layout::Nv12, Layout::Yuyv] };
const YARD: Model = Model { name: "Yard", product: 2, layouts: &[Layout::Yuyv, Layout::Mjpeg] };
/// What the kernel makes of their names.
const MODELS: [&str; 2] = ["Door: Door", "Yard: Yard"];

#[test]
fn real_drivers_and_the_real_program_do_as_promised() {
    let mut machine = Machine::boot(LIMIT);
    let mut door = plug(&machine, 0, DOOR);
    let mut yard = plug(&machine, 1, YARD);
    wait_for_cameras(&mut machine, 2);

    both_cameras_are_listed_with_what_they_offer(&mut machine);
    ten_pictures_come_whole_and_one_is_saved(&mut machine);
    what_a_camera_cannot_do_is_refused_with_what_it_can(&mut machine);
    a_hundred_pictures_come_whole_and_in_order_with_the_controls_asked_for(&mut machine, &mut door);
    if cfg!(feature = "v4l2") {
        the_kernels_own_interface_gives_whole_pictures_of_every_sort(&mut machine, [&mut door, &mut yard]);
        what_the_kernels_interface_has_not_is_refused_with_what_it_has(&mut machine);
        it_finds_an_unplugged_camera_again(&mut machine, &mut door);
    }
    two_cameras_run_in_one_graph_and_come_back_after_they_were_unplugged(
        &mut machine,
        [&mut door, &mut yard],
    );
    a_camera_that_falls_silent_is_noticed(&mut machine, &mut door);
    a_graph_that_must_not_lose_its_camera_ends_with_an_error(&mut machine, door);
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

fn both_cameras_are_listed_with_what_they_offer(machine: &mut Machine) {
    let told = machine.must("framegate cameras --format json 2>/dev/null");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON and nothing else");
    let cameras = told["cameras"].as_array().expect("a list");
    let mut models: Vec<_> = cameras.iter().map(|camera| camera["model"].as_str().expect("a name")).collect();
    models.sort_unstable();
    assert_eq!(models, MODELS, "{told:#}");
    let door = cameras.iter().find(|camera| camera["model"] == MODELS[0]).expect("it is in the list");
    assert_eq!(door["location"], "external");
    let formats: Vec<_> = door["formats"].as_array().expect("a list").iter().collect();
    assert_eq!(formats.len(), 2, "{door:#}");
    assert!(
        formats.iter().all(|offer| offer["sizes"] == serde_json::json!([[320, 240], [640, 480]])),
        "{door:#}"
    );

    let text = machine.must("framegate cameras 2>/dev/null");
    assert!(
        text.contains("Yard: Yard\n   id        ") && text.contains("YUYV      320x240 640x480"),
        "{text}"
    );
}

fn ten_pictures_come_whole_and_one_is_saved(machine: &mut Machine) {
    let said = machine.run("framegate cameras --test 'Door: Door' --picture /vm/door.png");
    assert!(said.status == 0 && said.text.contains("10 pictures of 640x480"), "{}", said.text);
    let picture = read_png(&machine.shared("door.png"));
    let (top, bottom) = webcam::picture::numbers(&picture, 640, 640, 480);
    assert_eq!(top, bottom, "the picture is torn");
}

fn what_a_camera_cannot_do_is_refused_with_what_it_can(machine: &mut Machine) {
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

fn a_hundred_pictures_come_whole_and_in_order_with_the_controls_asked_for(
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

fn the_kernels_own_interface_gives_whole_pictures_of_every_sort(
    machine: &mut Machine,
    [door, yard]: [&mut Webcam; 2],
) {
    let sorts = [("nv12", "NV12", MODELS[0]), ("yuyv", "YUY2", MODELS[0]), ("mjpeg", "MJPG", MODELS[1])];
    for (place, (capture, layout, model)) in sorts.into_iter().enumerate() {
        let webcam = if model == MODELS[0] { &mut *door } else { &mut *yard };
        let settings = format!(
            "camera: \"{model}\", size: 320x240, capture: {capture}, controls: {{ brightness: {place} }}"
        );
        start_of("v4l2", machine, capture, &[(capture, &settings)]);
        film(machine, webcam, 30);
        stop(machine, capture);
        let shown = y4m::read(&machine.shared(&format!("{capture}.y4m")));
        assert!(shown.len() >= 5, "{capture}: {} frames", shown.len());
        assert_rising(&shown);
        let controls = webcam.controls();
        let wanted =
            [Seen::Committed(format!("{layout} 320x240")), Seen::Set(Control::Brightness, place as i64)];
        for wanted in wanted {
            assert!(controls.contains(&wanted), "{wanted:?} never arrived: {controls:?}");
        }
    }
}

fn what_the_kernels_interface_has_not_is_refused_with_what_it_has(machine: &mut Machine) {
    let refusals = [
        ("camera: Gate", "there is no camera \"Gate\"; there is /dev/video"),
        ("camera: /dev/null", "/dev/null is no camera"),
        ("size: 1000x1000", "has no 1000x1000; the nearest is 640x480"),
        ("capture: h264", "has no h264; it has "),
        ("controls: { zoom: 2 }", "has no control \"zoom\"; it has brightness, contrast"),
        ("controls: { brightness: 999 }", "takes brightness between -64 and 64, got 999"),
    ];
    for (setting, answer) in refusals {
        let camera = if setting.starts_with("camera") { "" } else { "camera: \"Door: Door\", " };
        let sink = if setting.contains("h264") { "h264" } else { "y4m" };
        let graph = graph_of("v4l2", "refused", &[("camera", &format!("{camera}{setting}"))]);
        let graph = graph.replace("camera.frames", "camera").replace("y4m", sink);
        std::fs::write(machine.shared("refused.yaml"), graph).expect("the folder is shared");
        let said = machine.run("framegate run refused.yaml");
        assert!(said.status == 1 && said.text.contains(answer), "{setting}: {}", said.text);
    }
}

fn it_finds_an_unplugged_camera_again(machine: &mut Machine, door: &mut Webcam) {
    let settings = "camera: \"Door: Door\", size: 320x240, on_lost: slate";
    start_of("v4l2", machine, "again", &[("door", settings)]);
    film(machine, door, 10);
    door.unplug();
    machine.must("until /busybox grep -q 'looking for it' again; do sleep 0.1; done");
    *door = Webcam::plug_in_at(&machine.usb(0), DOOR, 1000).expect("the socket is free again");
    film(machine, door, 20);
    stop(machine, "again");
    let shown = y4m::read(&machine.shared("door.y4m"));
    let back = shown.iter().position(|shown| matches!(shown, Shown::Number(number) if *number >= 1000));
    let back = back.unwrap_or_else(|| panic!("it never came back: {shown:?}"));
    let lost = shown.iter().position(|shown| *shown == Shown::Slate).expect("a slate is shown");
    assert!(lost < back && shown[lost..back].iter().all(|shown| *shown == Shown::Slate), "{shown:?}");
    assert_rising(&shown[..lost]);
    assert_rising(&shown[back..]);
    wait_for_cameras(machine, 2);
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

fn two_cameras_run_in_one_graph_and_come_back_after_they_were_unplugged(
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

fn a_camera_that_falls_silent_is_noticed(machine: &mut Machine, door: &mut Webcam) {
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

fn a_graph_that_must_not_lose_its_camera_ends_with_an_error(machine: &mut Machine, mut door: Webcam) {
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

fn start(machine: &mut Machine, name: &str, cameras: &[(&str, &str)]) {
    start_of("libcamera", machine, name, cameras);
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

/// The green of an RGB picture, which is its grey.
fn read_png(path: &std::path::Path) -> Vec<u8> {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("the picture is there"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
    let mut rgb = vec![0; reader.output_buffer_size().expect("a size that fits")];
    reader.next_frame(&mut rgb).expect("a whole PNG");
    rgb.chunks(3).map(|pixel| pixel[1]).collect()
}
