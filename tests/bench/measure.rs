//! Interleaved rounds, medians, and tables of ratios.

use std::time::Duration;

/// One row of a table in the making: a name and a piece of work.
pub struct Row<'a> {
    name: String,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Row<'a> {
    pub fn new(name: impl Into<String>, work: impl FnMut() + 'a) -> Row<'a> {
        Row { name: name.into(), work: Box::new(work) }
    }
}

impl Row<'_> {
    /// Does its work once.
    pub fn once(&mut self) {
        (self.work)();
    }
}

/// Does the work of every row in turn, `rounds` times over after two to warm up, and prints the
/// median CPU time of each beside its ratio to the first.
pub fn compare(title: &str, rounds: usize, mut rows: Vec<Row<'_>>) {
    let mut times = vec![Vec::with_capacity(rounds); rows.len()];
    for round in 0..rounds + 2 {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            let before = thread_time();
            row.once();
            let took = thread_time() - before;
            if round >= 2 {
                times.push(took);
            }
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    heading(title);
    for (row, took) in rows.iter().zip(&medians) {
        let ratio = took.as_secs_f64() / medians[0].as_secs_f64();
        line(&row.name, &format!("{:>9.1} us", took.as_secs_f64() * 1e6), &format!("{ratio:>7.2}x"));
    }
}

pub fn heading(title: &str) {
    println!("\n{title}");
}

pub fn line(name: &str, value: &str, beside: &str) {
    println!("  {name:<44} {value:>14} {beside}");
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// CPU time that this thread has used.
pub fn thread_time() -> Duration {
    cpu_time(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time that all threads of this process have used.
pub fn process_time() -> Duration {
    cpu_time(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn cpu_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on Linux, and the time is written before the call returns.
    let outcome = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(outcome, 0, "the CPU clocks of Linux are always there");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
