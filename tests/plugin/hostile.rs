//! One test for each mode of `plugins/misbehave`. Whatever the plugin does: the frame that went in
//! stays as it was and all frame memory comes back (the bench sees to both), the node goes on, the
//! log says what happened, and the plugin works again afterwards.

use std::time::Duration;

use serde_json::json;

use crate::bench::{Bench, Given, guest, misbehaving};

macro_rules! each_has_a_test {
    ($($mode:ident),*) => {
        /// A mode without a test does not compile.
        #[allow(dead_code)]
        const TESTS: &[fn()] = &[$($mode),*];
    };
}
crate::modes!(each_has_a_test);

/// Whether the plugin has handled this frame: it marks the first row with 42.
fn marked(given: &Given) -> bool {
    given.picture.as_ref().is_some_and(|picture| picture[..64].iter().all(|byte| *byte == 42))
}

fn untouched(given: &Given) -> bool {
    let row = |index: u8| vec![index; 64];
    given
        .picture
        .as_ref()
        .is_some_and(|picture| picture[..64 * 4] == [row(0), row(1), row(2), row(3)].concat())
        && given.annotations == Default::default()
}

/// The guest is stopped: the frame passes as it came, so does the next, which finds nobody there;
/// a second later a new instance works.
fn is_stopped(mode: &str, why: &str) {
    let mut bench = misbehaving(mode, json!({}));
    assert!(marked(&bench.run()));
    assert!(untouched(&bench.run()), "{}", bench.log.text());
    assert!(untouched(&bench.run()));
    bench.pass(Duration::from_secs(1));
    assert!(marked(&bench.run()), "{}", bench.log.text());
    assert_eq!((bench.count("traps"), bench.count("restarts"), bench.count("unhandled")), (1, 1, 2));
    let log = bench.log.text();
    assert!(log.contains("at frame 1:") && log.contains(why), "{log}");
}

/// The guest hears an error and hands it on: the frame passes as it came, and the guest lives on.
fn is_refused(mode: &str, why: &str) {
    let mut bench = misbehaving(mode, json!({}));
    assert!(marked(&bench.run()));
    assert!(untouched(&bench.run()), "{}", bench.log.text());
    assert!(marked(&bench.run()));
    assert_eq!((bench.count("traps"), bench.count("refusals")), (0, 1), "{}", bench.log.text());
    let log = bench.log.text();
    assert!(log.contains("frame 1 was refused") && log.contains(why), "{log}");
}

/// The guest gets its way, and it does not matter.
fn is_harmless(mode: &str) -> Bench {
    let mut bench = misbehaving(mode, json!({}));
    for _ in 0..3 {
        assert!(marked(&bench.run()), "{}", bench.log.text());
    }
    assert_eq!((bench.count("traps"), bench.count("refusals")), (0, 0));
    bench
}

fn does_not_start(mode: &str, why: &str) {
    let beside = json!({ "plugin": guest("misbehave") });
    let refused = Bench::try_new(beside, json!({ "mode": mode, "at": 1 })).err().expect("it does not start");
    assert!(refused.contains(why), "{refused}");
}

macro_rules! tests {
    ($($expect:ident: $($mode:ident => $why:literal),* $(,)?;)*) => {
        $($(
            #[test]
            fn $mode() {
                $expect(stringify!($mode), $why);
            }
        )*)*
    };
}

tests! {
    is_stopped:
        endless_loop => "ran longer than",
        host_call_flood => "ran longer than",
        memory_fill => "ran longer than",
        sleep => "tried to wait or sleep",
        memory_bomb => "64MiB of memory",
        recursion => "stack",
        panic => "on purpose",
        panic_in_drop => "on purpose, in drop",
        abort => "gave up",
        exit => "exit(",
        unreachable => "gave up",
        partial_then_panic => "on purpose, half-way",
        giant_write => "more bytes to the host at once",
        giant_log => "more bytes to the host at once",
        sprite_flood => "handles";
    is_refused:
        wrong_length => "no whole number of rows",
        rows_past_the_end => "leave plane 0",
        no_such_plane => "no plane 255",
        partial_then_error => "on purpose, half-way",
        giant_sample => "larger than this host gives",
        costly_sample => "larger than `limits.memory` allows",
        empty_sample => "at least one pixel",
        nan_box => "must lie in the picture",
        infinite_box => "must lie in the picture",
        negative_box => "must lie in the picture",
        huge_box => "must lie in the picture",
        score_of_two => "between 0 and 1",
        long_label => "at most 64 bytes",
        detection_flood => "at most 1024 detections",
        tag_flood => "at most 64 tags",
        giant_tag => "at most 1024",
        forged_look => "the host's to set",
        draw_flood => "over this frame's budget",
        giant_sprites => "16 MiB together",
        wrong_sprite => "sprite";
    does_not_start:
        endless_loop_in_configure => "ran longer than 5s",
        panic_in_configure => "on purpose, in configure",
        refuse_settings => "refused on purpose";
}

#[test]
fn endless_loop_each_time() {
    // No `stop_after` of the graph's own, which would hold for the first frame too.
    let mut bench = misbehaving("endless_loop_each_time", json!({ "limits": {} }));
    assert!(marked(&bench.run()));
    assert!(untouched(&bench.run()), "{}", bench.log.text());
    bench.pass(Duration::from_secs(1));
    assert!(untouched(&bench.run()), "{}", bench.log.text());
    assert_eq!((bench.count("traps"), bench.count("restarts")), (2, 1));
    // The grace of a first frame is given once, not at each restart.
    let log = bench.log.text();
    assert!(log.contains("ran longer than") && !log.contains("ran longer than 5s"), "{log}");
}

#[test]
fn partial_then_drop() {
    let mut bench = misbehaving("partial_then_drop", json!({}));
    assert!(marked(&bench.run()));
    assert_eq!(bench.run().picture, None);
    assert_eq!(bench.count("dropped_by_plugin"), 1);
}

#[test]
fn extreme_rectangles() {
    is_harmless("extreme_rectangles");
}

#[test]
fn log_flood() {
    let bench = is_harmless("log_flood");
    assert!(bench.count("log_dropped") > 9_000);
    assert!(bench.log.text().lines().count() < 1000);
}

#[test]
fn long_line() {
    let bench = is_harmless("long_line");
    let longest = bench.log.text().lines().map(str::len).max();
    assert!(longest.is_some_and(|longest| longest < 5000), "{longest:?}");
}

#[test]
fn output_flood() {
    let bench = is_harmless("output_flood");
    assert!(bench.count("log_dropped") > 9_000);
    assert!(bench.log.text().contains("again 0"));
}

#[test]
fn terminal_escapes() {
    let bench = is_harmless("terminal_escapes");
    let log = bench.log.text();
    assert!(log.contains("\\u{1b}[31mred\\u{a}second line"), "{log}");
    assert!(!log.contains('\x1b') && !log.contains('\u{202e}'));
}

#[test]
fn metric_flood() {
    let bench = is_harmless("metric_flood");
    let named = bench.site.counters.snapshot().into_iter().filter(|(name, _)| name.starts_with("plugin_"));
    assert_eq!(named.count(), 32);
}

#[test]
fn read_input() {
    is_harmless("read_input");
}

#[test]
fn environment() {
    is_harmless("environment");
}

#[test]
fn files() {
    is_harmless("files");
}

#[test]
fn network() {
    is_harmless("network");
}

#[test]
fn on_error_decides_what_becomes_of_a_frame() {
    let given = |on_error: &str| {
        let mut bench = misbehaving("panic", json!({ "on_error": on_error }));
        bench.run();
        bench.run()
    };
    assert!(untouched(&given("pass")));
    assert_eq!(given("drop").picture, None);
    let black = given("black").picture.expect("a black picture goes on");
    assert!(black[..64 * 48].iter().all(|luma| *luma == 16) && black[64 * 48..].iter().all(|c| *c == 128));
}

#[test]
fn on_error_stop_ends_the_graph_and_names_the_frame() {
    let mut bench = misbehaving("panic", json!({ "on_error": "stop" }));
    bench.run();
    let frame = bench.frame();
    let stopped = bench.run_with(frame).unwrap_err();
    assert!(stopped.contains("frame 1"), "{stopped}");
}

#[test]
fn a_backtrace_names_the_guests_own_function() {
    let mut bench = misbehaving("unreachable", json!({}));
    bench.run();
    bench.run();
    let log = bench.log.text();
    assert!(log.contains("(in misbehave::wrongs::unreachable)") && !log.contains("_ZN"), "{log}");
}

#[test]
fn a_plugin_that_crashes_again_and_again_is_given_up() {
    let beside = json!({ "plugin": guest("misbehave"), "limits": { "stop_after": "2s" } });
    let mut bench = Bench::new(beside, json!({ "mode": "panic", "at": 0 }));
    for _ in 0..12 {
        let mut frame = bench.frame();
        frame.sequence = 0;
        assert!(untouched(&bench.run_with(frame).unwrap()));
        bench.pass(Duration::from_secs(31));
    }
    assert_eq!((bench.count("traps"), bench.count("restarts")), (10, 9));
    assert!(bench.log.text().contains("given up"));
}
