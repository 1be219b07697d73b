//! An encoder in hardware, played by the kernel's own test driver (vicodec): that it is found, what is refused,
//! and that what it encodes is what it was given.
//!
//! The driver knows neither H.264 nor a keyframe on demand; the first is tried by the kind's own tests, and for
//! the second the encoder begins anew.

use super::inside::{CHROMA, PART, PICTURES};
use super::machine::Machine;
use super::webcam::picture;

/// A size that is no multiple of the driver's blocks, and an odd one.
const SIZES: [&str; 2] = ["i420 650x362", "nv12 653x371"];

pub fn an_encoder_in_hardware_takes_pictures_by_both_dialects(machine: &mut Machine) {
    machine.must("/busybox insmod /later/v4l2-mem2mem.ko");
    for dialect in [0, 1] {
        machine.must(&format!("/busybox insmod /later/vicodec.ko multiplanar={dialect} && udevadm settle"));
        let named = |name: &str| {
            format!("$(/busybox grep -l {name} /sys/class/video4linux/*/name | /busybox cut -d/ -f5)")
        };
        machine.must(&format!("/busybox ln -sf {} /dev/encoder", named("stateful-encoder")));
        machine.must(&format!("/busybox ln -sf {} /dev/decoder", named("stateful-decoder")));
        part(machine, "refusals");
        for pictures in SIZES {
            part(machine, pictures);
            comes_back(machine, pictures);
        }
        part(machine, "graph");
        if dialect == 0 {
            what_is_there_instead_is_told(machine);
        }
        machine.must("/busybox rmmod vicodec");
    }
}

/// Runs a part of this program in the machine.
fn part(machine: &mut Machine, part: &str) {
    let program = std::env::current_exe().expect("a program knows its place");
    let name = program.file_name().expect("a program has a name").to_string_lossy().into_owned();
    let test = "--exact inside::a_part_in_the_machine --nocapture";
    let said = machine.must(&format!("{PART}='{part}' /program/deps/{name} {test}"));
    assert!(said.contains("1 passed"), "{said}");
}

/// What was encoded is decoded by the same driver's decoder, picture by picture.
fn comes_back(machine: &mut Machine, pictures: &str) {
    let (pixel, size) = pictures.split_once(' ').expect("a pixel format and a size");
    let (width, height) = size.split_once('x').expect("a size");
    let even = |side: &str| side.parse::<usize>().expect("a number") & !1;
    let (width, height) = (even(width), even(height));
    let file = format!("{pixel}-{size}");
    let formats = "--set-fmt-video-out pixelformat=FWHT --set-fmt-video pixelformat=YU12";
    machine.must(&format!(
        "v4l2-ctl -d /dev/decoder {formats} --stream-mmap --stream-out-mmap --stream-from {file}.fwht \
         --stream-to {file}.yuv"
    ));
    let decoded = std::fs::read(machine.shared(&format!("{file}.yuv"))).expect("it was decoded");
    let (luma, chroma) = (width * height, width / 2 * (height / 2));
    let frames: Vec<&[u8]> = decoded.chunks(luma + 2 * chroma).collect();
    assert_eq!(decoded.len(), PICTURES as usize * (luma + 2 * chroma), "{file}: {} frames", frames.len());
    for (number, frame) in (0..PICTURES).zip(frames) {
        let sent = picture::luma(number, width, height);
        assert_eq!(picture::numbers(frame, width, width, height), (number, number), "{file}");
        let off = sent.iter().zip(frame).map(|(sent, got)| u64::from(sent.abs_diff(*got))).sum::<u64>();
        assert!(off < 10 * luma as u64, "{file}: picture {number} is off by {} a sample", off / luma as u64);
        for (plane, value) in frame[luma..].chunks(chroma).zip(CHROMA) {
            assert!(plane.iter().all(|got| got.abs_diff(value) < 10), "{file}: chroma of picture {number}");
        }
    }
}

fn what_is_there_instead_is_told(machine: &mut Machine) {
    let run = |machine: &mut Machine, settings: &str, as_whom: &str| {
        let graph = format!(
            "version: 1\nname: encoder\nnodes:\n  - id: pattern\n    kind: test_pattern\n  - id: encoder\n    \
             kind: h264_v4l2\n    with: {{ {settings} }}\n    inputs: pattern\n  - id: file\n    kind: write\n    \
             with: {{ path: encoder.h264, overwrite: true }}\n    inputs: encoder\n"
        );
        std::fs::write(machine.shared("encoder.yaml"), graph).expect("the folder is shared");
        let said = machine.run(&format!("{as_whom} framegate run encoder.yaml"));
        assert_eq!(said.status, 1, "{}", said.text);
        said.text
    };
    let tells = |said: String, all: &[&str]| {
        assert!(all.iter().all(|part| said.contains(part)), "{said}");
    };
    let said = run(machine, "", "");
    let cameras = "(\"Door: Door\") is no encoder, ";
    tells(
        said,
        &[
            "no device here encodes H264: ",
            cameras,
            "(\"vicodec\") gives FWHT and not H264",
            "use `kind: h264`",
        ],
    );
    tells(
        run(machine, "device: /dev/video77", ""),
        &["/dev/video77 is not there; no device here encodes H264"],
    );
    tells(run(machine, "device: /dev/null", ""), &["/dev/null is no video device; "]);
    tells(run(machine, "device: /dev/decoder", ""), &["/dev/decoder (\"vicodec\") gives ", " and not H264"]);
    let nobody = "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups";
    tells(
        run(machine, "device: /dev/encoder", nobody),
        &["/dev/encoder may not be opened by this user", "usermod -aG video"],
    );
}
