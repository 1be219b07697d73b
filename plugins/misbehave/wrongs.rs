//! One function for each mode. Those that the host answers with an error hand that error on, so
//! that a test can see it.

use std::hint::black_box;

use framegate_sdk::bindings::imports::framegate::frame::frames::Frame;
use framegate_sdk::bindings::imports::framegate::frame::types::{Detection, Error, Rect};
use framegate_sdk::bindings::imports::framegate::frame::{
    annotations, draw, host, pixels_read, pixels_write,
};

use crate::guest::failed;

type Done = Result<(), Error>;

const GREY: u32 = u32::from_le_bytes(*b"GREY");
const RGBA: u32 = u32::from_le_bytes(*b"RGBA");

// Time.

pub fn spin() -> ! {
    loop {
        black_box(0);
    }
}

pub fn endless_loop(_: &Frame) -> Done {
    spin()
}

pub fn endless_loop_each_time(_: &Frame) -> Done {
    spin()
}

pub fn endless_loop_in_configure(_: &Frame) -> Done {
    Ok(())
}

pub fn host_call_flood(_: &Frame) -> Done {
    loop {
        host::count("flood", 1);
    }
}

pub fn memory_fill(_: &Frame) -> Done {
    let mut memory = vec![0u8; 16 << 20];
    loop {
        black_box(&mut memory).fill(7);
    }
}

pub fn sleep(_: &Frame) -> Done {
    std::thread::sleep(std::time::Duration::from_secs(3600));
    Ok(())
}

// Memory and stack.

pub fn memory_bomb(_: &Frame) -> Done {
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1u8; 1 << 20]));
    }
}

pub fn recursion(_: &Frame) -> Done {
    #[allow(unconditional_recursion)]
    fn deeper(depth: u64) -> u64 {
        black_box(deeper(black_box(depth + 1))) + 1
    }
    black_box(deeper(0));
    Ok(())
}

// Giving up.

pub fn panic(_: &Frame) -> Done {
    panic!("on purpose")
}

pub fn panic_in_drop(_: &Frame) -> Done {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose, in drop");
        }
    }
    drop(black_box(Bomb));
    Ok(())
}

pub fn panic_in_configure(_: &Frame) -> Done {
    Ok(())
}

pub fn abort(_: &Frame) -> Done {
    std::process::abort()
}

pub fn exit(_: &Frame) -> Done {
    std::process::exit(3)
}

/// Never inlined: a test wants its name.
#[inline(never)]
pub fn unreachable(_: &Frame) -> Done {
    core::arch::wasm32::unreachable()
}

// Pixels.

pub fn wrong_length(frame: &Frame) -> Done {
    pixels_write::write_rows(frame, 0, 0, &vec![1; frame.info().width as usize + 1])
}

pub fn rows_past_the_end(frame: &Frame) -> Done {
    let info = frame.info();
    pixels_write::write_rows(frame, 0, info.height - 1, &vec![1; 2 * info.width as usize])
}

pub fn no_such_plane(frame: &Frame) -> Done {
    pixels_read::read_rows(frame, 255, 0, u32::MAX).map(|_| ())
}

pub fn partial_then_panic(frame: &Frame) -> Done {
    spoil(frame)?;
    panic!("on purpose, half-way")
}

pub fn partial_then_error(frame: &Frame) -> Done {
    spoil(frame)?;
    Err(failed("on purpose, half-way"))
}

pub fn partial_then_drop(frame: &Frame) -> Done {
    spoil(frame)
}

/// Changes the frame in every way there is.
fn spoil(frame: &Frame) -> Done {
    let info = frame.info();
    pixels_write::write_rows(frame, 0, 3, &vec![99; info.width as usize])?;
    draw::fill(frame, Rect { x: 0, y: 0, width: info.width, height: info.height }, 0xff00_00ff)?;
    annotations::add_detections(frame, &[detection()])?;
    annotations::set_tag(frame, "spoiled", "yes")
}

pub fn giant_write(frame: &Frame) -> Done {
    pixels_write::write_rows(frame, 0, 0, &vec![1; 40 << 20])
}

pub fn giant_sample(frame: &Frame) -> Done {
    pixels_read::sample(frame, None, u32::MAX, u32::MAX, GREY).map(|_| ())
}

/// As large as the host gives, and as all the memory it may have.
pub fn costly_sample(frame: &Frame) -> Done {
    pixels_read::sample(frame, None, 4096, 4096, RGBA).map(|_| ())
}

pub fn empty_sample(frame: &Frame) -> Done {
    pixels_read::sample(frame, None, 0, 8, GREY).map(|_| ())
}

// What is found.

fn detection() -> Detection {
    Detection { label: "x".into(), score: 0.5, x: 0.1, y: 0.1, width: 0.2, height: 0.2, track_id: None }
}

pub fn nan_box(frame: &Frame) -> Done {
    annotations::add_detections(frame, &[Detection { x: f32::NAN, ..detection() }])
}

pub fn infinite_box(frame: &Frame) -> Done {
    annotations::add_detections(frame, &[Detection { width: f32::INFINITY, ..detection() }])
}

pub fn negative_box(frame: &Frame) -> Done {
    annotations::set_detections(frame, &[Detection { height: -0.5, ..detection() }])
}

pub fn huge_box(frame: &Frame) -> Done {
    annotations::add_detections(frame, &[Detection { width: 1e30, ..detection() }])
}

pub fn score_of_two(frame: &Frame) -> Done {
    annotations::add_detections(frame, &[Detection { score: 2.0, ..detection() }])
}

pub fn long_label(frame: &Frame) -> Done {
    annotations::add_detections(frame, &[Detection { label: "x".repeat(65), ..detection() }])
}

pub fn detection_flood(frame: &Frame) -> Done {
    loop {
        annotations::add_detections(frame, &vec![detection(); 100])?;
    }
}

pub fn tag_flood(frame: &Frame) -> Done {
    (0..).try_for_each(|index: u64| annotations::set_tag(frame, &index.to_string(), "x"))
}

pub fn giant_tag(frame: &Frame) -> Done {
    annotations::set_tag(frame, "x", &"x".repeat(2000))
}

pub fn forged_look(frame: &Frame) -> Done {
    annotations::set_tag(frame, "looked:faces", "")
}

// Drawing.

pub fn draw_flood(frame: &Frame) -> Done {
    loop {
        draw::blur(frame, Rect { x: 0, y: 0, width: u32::MAX, height: u32::MAX }, 255)?;
    }
}

pub fn sprite_flood(_: &Frame) -> Done {
    let mut all = Vec::new();
    loop {
        all.push(draw::Sprite::upload(1, 1, &[0; 4])?);
    }
}

pub fn giant_sprites(_: &Frame) -> Done {
    let mut all = Vec::new();
    loop {
        all.push(draw::Sprite::upload(128, 128, &[0; 128 * 128 * 4])?);
    }
}

pub fn wrong_sprite(_: &Frame) -> Done {
    draw::Sprite::upload(u32::MAX, u32::MAX, &[0; 4]).map(|_| ())
}

pub fn extreme_rectangles(frame: &Frame) -> Done {
    let ends = [i32::MIN, -1, 0, 1, i32::MAX];
    let sides = [0, 1, u32::MAX];
    for (x, y) in ends.into_iter().flat_map(|x| ends.map(|y| (x, y))) {
        for (width, height) in sides.into_iter().flat_map(|width| sides.map(|height| (width, height))) {
            let area = Rect { x, y, width, height };
            // Whether the budget holds is not what is asked here.
            let _ = draw::fill(frame, area, 0);
            let _ = draw::outline(frame, area, 255, 0);
            let _ = draw::pixelate(frame, area, 255);
            let _ = draw::blur(frame, area, 255);
            let _ = pixels_read::sample(frame, Some(area), 1, 1, GREY);
        }
        let _ = draw::text(frame, x, y, 255, 0, "\u{0}\n\u{10ffff}x");
    }
    let _ = draw::measure(0, &"x".repeat(10_000));
    Ok(())
}

// Talking.

/// Longer than a line is shown, and than two small pictures; no fault.
pub fn long_line(_: &Frame) -> Done {
    host::log(host::Level::Info, &"x".repeat(100_000));
    Ok(())
}

pub fn log_flood(_: &Frame) -> Done {
    (0..10_000).for_each(|index| host::log(host::Level::Error, &format!("again {index}")));
    Ok(())
}

pub fn giant_log(_: &Frame) -> Done {
    host::log(host::Level::Info, &"x".repeat(30 << 20));
    Ok(())
}

pub fn terminal_escapes(_: &Frame) -> Done {
    host::log(host::Level::Error, "\x1b[2J\x1b[31mred\nsecond line\r\u{202e}");
    Ok(())
}

pub fn metric_flood(_: &Frame) -> Done {
    for index in 0..10_000 {
        host::count(&format!("m{index}"), u64::MAX);
        host::gauge(&format!("g{index}"), f64::NAN);
    }
    host::gauge("a name with \"quotes\"\nand lines", 1.0);
    Ok(())
}

pub fn output_flood(_: &Frame) -> Done {
    (0..10_000).for_each(|index| println!("again {index}"));
    Ok(())
}

// Reaching out. Each fails if anything answers.

pub fn read_input(_: &Frame) -> Done {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(1..) => panic!("somebody typed {line:?}"),
        _ => Ok(()),
    }
}

pub fn environment(_: &Frame) -> Done {
    assert_eq!(std::env::vars().count(), 0, "there is an environment");
    assert_eq!(std::env::args().count(), 0, "there are arguments");
    Ok(())
}

pub fn files(_: &Frame) -> Done {
    for path in [".", "/", "/etc/passwd", "../../etc/passwd", "/proc/self/environ"] {
        assert!(std::fs::metadata(path).is_err(), "{path} is there");
        assert!(std::fs::read(path).is_err(), "{path} can be read");
        assert!(std::fs::write(path, "x").is_err(), "{path} can be written");
    }
    Ok(())
}

pub fn network(_: &Frame) -> Done {
    assert!(std::net::TcpListener::bind("127.0.0.1:0").is_err(), "a port was opened");
    assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_err(), "a port was opened");
    Ok(())
}

// Settings.

pub fn refuse_settings(_: &Frame) -> Done {
    Ok(())
}
