//! `framegate cameras`: what it lists, and the ten pictures of a trial.

use std::path::Path;

use serde_json::{Value, json};

use super::machine::Machine;
use super::{LIBCAMERA, MODELS, V4L2, webcam};

/// What udev calls the cameras, whichever is plugged in first.
const BY_ID: [&str; 2] =
    ["/dev/v4l/by-id/usb-Framegate_Door-video-index0", "/dev/v4l/by-id/usb-Framegate_Yard-video-index0"];

pub fn both_cameras_are_listed_with_what_they_offer(machine: &mut Machine) {
    let told = machine.must("framegate cameras --format json 2>/dev/null");
    let told: Value = serde_json::from_str(&told).expect("JSON and nothing else");
    for (side, present) in [("libcamera", LIBCAMERA), ("v4l2", V4L2)] {
        let models = if present { &MODELS[..] } else { &[] };
        assert_eq!(models_of(&told, side), models, "{told:#}");
        assert_eq!(told[side]["absent"].is_null(), present, "{told:#}");
    }
    if LIBCAMERA {
        libcamera_tells(&told);
    }
    if V4L2 {
        the_kernel_tells(machine, &told);
    }
    if LIBCAMERA && V4L2 {
        each_is_known_to_be_the_same_in_both(&told);
    }
    if !LIBCAMERA {
        let text = machine.must("framegate cameras");
        let how = "cameras of `kind: libcamera` are not listed: build again with `--features libcamera`";
        assert!(text.contains(how), "{text}");
    }
}

fn models_of(told: &Value, side: &str) -> Vec<String> {
    let mut models: Vec<_> = cameras(told, side).iter().map(|camera| text(&camera["model"])).collect();
    models.sort_unstable();
    models
}

fn cameras<'a>(told: &'a Value, side: &str) -> &'a [Value] {
    told[side]["cameras"].as_array().expect("a list")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn camera<'a>(told: &'a Value, side: &str, model: &str) -> &'a Value {
    cameras(told, side).iter().find(|camera| camera["model"] == model).expect("it is in the list")
}

fn libcamera_tells(told: &Value) {
    let door = camera(told, "libcamera", MODELS[0]);
    assert_eq!(door["location"], "external");
    let formats: Vec<_> = door["formats"].as_array().expect("a list").iter().collect();
    assert_eq!(formats.len(), 2, "{door:#}");
    assert!(formats.iter().all(|offer| offer["sizes"] == json!([[320, 240], [640, 480]])), "{door:#}");
}

fn the_kernel_tells(machine: &mut Machine, told: &Value) {
    let door = camera(told, "v4l2", MODELS[0]);
    assert_eq!((&door["by_id"], &door["driver"]), (&json!(BY_ID[0]), &json!("uvcvideo")), "{door:#}");
    let rates = json!([30.0, 15.0, 10.0, 5.0]);
    for (format, capture) in [("NV12", "nv12"), ("YUYV", "yuyv")] {
        let formats = door["formats"].as_array().expect("a list");
        let found = formats.iter().find(|sort| sort["format"] == format).expect("it is in the list");
        assert_eq!(found["capture"], capture);
        let sizes: Vec<_> = found["sizes"].as_array().expect("a list").iter().collect();
        assert_eq!(
            sizes.iter().map(|size| &size["most"]).collect::<Vec<_>>(),
            [&json!([640, 480]), &json!([320, 240])],
            "{found:#}"
        );
        assert!(sizes.iter().all(|size| rounded(&size["rates"]) == rates), "{found:#}");
    }
    let control = |name: &str| {
        let controls = door["controls"].as_array().expect("a list");
        controls.iter().find(|control| control["name"] == name).expect("it has that control").clone()
    };
    let brightness = control("brightness");
    let range = ["least", "most", "default", "value"].map(|key| brightness[key].as_i64());
    assert_eq!(range, [Some(-64), Some(64), Some(0), Some(0)], "{brightness:#}");
    assert_eq!(control("auto_exposure")["menu"]["1"], "Manual Mode");
    assert_eq!(control("exposure_time_absolute")["held"], true, "automatic exposure holds it");

    let text = machine.must("framegate cameras 2>/dev/null");
    for line in [
        "\n\nYard: Yard\n   device    /dev/video",
        &format!("\n   by id     {}", BY_ID[1]),
        "\n   gives     MJPG  640x480 at 30 15 10 5, 320x240 at 30 15 10 5",
        "\n   control   contrast  0 to 64, 32 by default, now 32",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

fn rounded(rates: &Value) -> Value {
    rates
        .as_array()
        .expect("a list")
        .iter()
        .map(|rate| json!(rate.as_f64().expect("a number").round()))
        .collect()
}

fn each_is_known_to_be_the_same_in_both(told: &Value) {
    for (model, by_id) in MODELS.into_iter().zip(BY_ID) {
        let (one, other) = (camera(told, "libcamera", model), camera(told, "v4l2", model));
        assert_eq!((&one["same_as"], &other["same_as"]), (&json!(by_id), &one["id"]), "{told:#}");
        assert_eq!((&one["use"], &other["use"]), (&json!("v4l2"), &json!("v4l2")));
    }
}

pub fn ten_pictures_come_whole_and_one_is_saved(machine: &mut Machine) {
    let by_model = if LIBCAMERA { "libcamera" } else { "v4l2" };
    let mut trials = vec![("Door: Door", by_model)];
    if V4L2 {
        trials.push((BY_ID[0], "v4l2"));
    }
    for (camera, kind) in trials {
        let said = machine.run(&format!("framegate cameras --test '{camera}' --picture /vm/door.png"));
        let wanted = format!("10 pictures of 640x480 by `kind: {kind}`");
        assert!(said.status == 0 && said.text.contains(&wanted), "{}", said.text);
        assert!(said.text.contains("missed "), "{}", said.text);
        let picture = read_png(&machine.shared("door.png"));
        let (top, bottom) = webcam::picture::numbers(&picture, 640, 640, 480);
        assert_eq!(top, bottom, "the picture is torn");
        std::fs::remove_file(machine.shared("door.png")).expect("it was saved");
    }
    let said = machine.run("framegate cameras --test Gate");
    assert!(
        said.status == 1 && said.text.contains("there is no camera \"Gate\"; there is "),
        "{}",
        said.text
    );
}

/// The green of an RGB picture, which is its grey.
pub fn read_png(path: &Path) -> Vec<u8> {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("the picture is there"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
    let mut rgb = vec![0; reader.output_buffer_size().expect("a size that fits")];
    reader.next_frame(&mut rgb).expect("a whole PNG");
    rgb.chunks(3).map(|pixel| pixel[1]).collect()
}
