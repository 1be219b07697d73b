//! The relay under load: what a viewer costs the server, and how long after the first viewer the last
//! one is sent a picture.
//!
//! The server is the program itself, in a process of its own; the viewers are many connections in one
//! thread of this one. They read the headers of media packets and the kernel's own time of arrival,
//! and decrypt nothing: what they cost is then small, and what they measure is not their own delay.

mod arrival;
mod viewer;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use viewer::{Seen, Viewer};

use crate::measure::{heading, line, median};
use crate::support::binary::Framegate;

const GRAPH: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 1280x720, rate: 30 } }
  - { id: h264, kind: h264, inputs: camera, with: { bitrate: 2.5M } }
  - { id: live, kind: relay, inputs: h264, with: { max_viewers: 1000 } }
";
/// How many viewers, one row each.
const COUNTS: &[usize] = if cfg!(debug_assertions) { &[1, 10] } else { &[1, 10, 50, 200, 500] };
const WINDOW: Duration = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 8 });
/// A machine on which so many viewers cannot all be served says so rather than go on for ever.
const JOIN_WITHIN: Duration = Duration::from_secs(60);

/// What one row measured.
struct Load {
    /// Share of a core.
    cpu: f64,
    /// Resident memory, in bytes.
    memory: u64,
    /// From the first viewer's first packet of a picture to the last viewer's.
    spreads: Vec<Duration>,
    /// Pictures that every viewer was sent, a second.
    fps: f64,
}

pub fn relay() {
    heading("relay: 1280x720 at 30 fps, 2.5 Mb/s, one process; the encoder included");
    line("viewers", "core", " ms a viewer and s    MB  MB a viewer   spread p50 / p99 ms   fps to all");
    let idle = measure(0).expect("nobody has to join");
    row(0, &idle, &idle);
    for &count in COUNTS {
        match measure(count) {
            Ok(load) => row(count, &load, &idle),
            Err(why) => line(&count.to_string(), "-", &why),
        }
    }
}

fn row(count: usize, load: &Load, idle: &Load) {
    let each = |more: f64| if count == 0 { 0.0 } else { more / count as f64 };
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let mut spreads = load.spreads.clone();
    spreads.sort_unstable();
    let p99 = spreads.get(spreads.len() * 99 / 100).copied().unwrap_or_default();
    let beside = format!(
        "{:>17.2} {:>10.1} {:>8.2} {:>14.1} / {:.1} {:>12.1}",
        each((load.cpu - idle.cpu) * 1e3),
        megabytes(load.memory),
        each(megabytes(load.memory) - megabytes(idle.memory)),
        median(spreads).as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
        load.fps,
    );
    line(&count.to_string(), &format!("{:.3}", load.cpu), &beside);
}

fn measure(count: usize) -> Result<Load, String> {
    let server = Framegate::run_text(GRAPH, &[]);
    let endpoint = server.at("live/whep");
    server.until_live();
    let mut viewers = Vec::with_capacity(count);
    for _ in 0..count {
        viewers.push(Viewer::join(&endpoint)?);
        // Those that have joined must be heard, or the server gives them up before the last has come.
        viewer::turn(&mut viewers, Duration::ZERO, &mut |_| ());
    }
    let begun = Instant::now();
    while !viewers.iter().all(Viewer::is_served) {
        let rest = JOIN_WITHIN.saturating_sub(begun.elapsed());
        if rest.is_zero() {
            let served = viewers.iter().filter(|viewer| viewer.is_served()).count();
            return Err(format!("only {served} were served within {} s", JOIN_WITHIN.as_secs()));
        }
        viewer::turn(&mut viewers, rest, &mut |_| ());
    }
    let (start, used) = (Instant::now(), cpu_time(server.id()));
    let mut pictures: HashMap<u32, Picture> = HashMap::new();
    while start.elapsed() < WINDOW {
        let rest = WINDOW.saturating_sub(start.elapsed());
        viewer::turn(&mut viewers, rest, &mut |seen| {
            pictures.entry(seen.picture).or_insert_with(|| Picture::new(&seen)).saw(&seen)
        });
    }
    let took = start.elapsed();
    let cpu = (cpu_time(server.id()) - used).as_secs_f64() / took.as_secs_f64();
    let whole: Vec<&Picture> = pictures.values().filter(|picture| picture.viewers == count).collect();
    Ok(Load {
        cpu,
        memory: memory(server.id()),
        spreads: whole.iter().map(|picture| picture.last.saturating_sub(picture.first)).collect(),
        fps: whole.len() as f64 / took.as_secs_f64(),
    })
}

/// When the viewers were sent the first packet of one picture, on the kernel's clock.
struct Picture {
    first: Duration,
    last: Duration,
    viewers: usize,
}

impl Picture {
    fn new(seen: &Seen) -> Picture {
        Picture { first: seen.at, last: seen.at, viewers: 0 }
    }

    fn saw(&mut self, seen: &Seen) {
        self.first = self.first.min(seen.at);
        self.last = self.last.max(seen.at);
        self.viewers += 1;
    }
}

/// CPU time that a process has used, to the system's tick.
fn cpu_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the server is running");
    let after_name = stat.rsplit(") ").next().unwrap_or("");
    let ticks: u64 =
        after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // SAFETY: a plain question without memory of ours.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the server is running");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
