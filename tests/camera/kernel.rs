//! Cameras by the kernel's own interface: pictures of every sort, refusals, and coming back.

use super::machine::Machine;
use super::webcam::{Control, Seen, Webcam};
use super::y4m::{self, Shown};
use super::{DOOR, MODELS, assert_rising, film, graph_of, start_of, stop, wait_for_cameras};

pub fn the_kernels_own_interface_gives_whole_pictures_of_every_sort(
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

pub fn what_the_kernels_interface_has_not_is_refused_with_what_it_has(machine: &mut Machine) {
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

pub fn it_finds_an_unplugged_camera_again(machine: &mut Machine, door: &mut Webcam) {
    let settings = "camera: \"Door: Door\", size: 320x240";
    start_of("v4l2", machine, "again", &[("door", settings)]);
    film(machine, door, 10);
    door.unplug();
    machine.must("until /busybox grep -q 'looking for it' again; do sleep 0.1; done");
    // What can change while it runs can while it is lost.
    let settings = format!("{settings}, on_lost: slate, controls: {{ brightness: 7 }}");
    let graph = graph_of("v4l2", "again", &[("door", &settings)]);
    std::fs::write(machine.shared("again.yaml"), graph).expect("the folder is shared");
    machine.must("kill -HUP $again; until /busybox grep -q 'adjusted door' again; do sleep 0.1; done");
    *door = Webcam::plug_in_at(&machine.usb(0), DOOR, 1000).expect("the socket is free again");
    film(machine, door, 20);
    stop(machine, "again");
    assert!(door.controls().contains(&Seen::Set(Control::Brightness, 7)), "{:?}", door.controls());
    let shown = y4m::read(&machine.shared("door.y4m"));
    let back = shown.iter().position(|shown| matches!(shown, Shown::Number(number) if *number >= 1000));
    let back = back.unwrap_or_else(|| panic!("it never came back: {shown:?}"));
    let lost = shown.iter().position(|shown| *shown == Shown::Slate).expect("a slate is shown");
    assert!(lost < back && shown[lost..back].iter().all(|shown| *shown == Shown::Slate), "{shown:?}");
    assert_rising(&shown[..lost]);
    assert_rising(&shown[back..]);
    wait_for_cameras(machine, 2);
}
