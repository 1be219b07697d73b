//! What every thread did when, as a file for `chrome://tracing` and Perfetto (the Trace Event Format).
//!
//! Owns the form: one slice for each turn, on the thread that took it, with the PTS that drove it.
//! Nothing is kept: each slice goes into the file as it ends.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::media::Pts;
use crate::schedule::Turn;

/// A trace being written. Clones write into the same one, which is whole when the last is dropped.
#[derive(Clone)]
pub struct Trace(Arc<Mutex<Writing>>);

struct Writing {
    /// `None` once it could not be written.
    to: Option<Box<dyn Write + Send>>,
    /// The names of the threads so far; a thread's number is its place here.
    threads: Vec<String>,
}

/// What a turn is called, and which item drives it.
pub(super) struct Doing {
    what: &'static str,
    pts: Option<Pts>,
}

impl Doing {
    pub fn of(turn: &Turn) -> Doing {
        match turn {
            Turn::Next => Doing { what: "next", pts: None },
            Turn::Take(inputs) => {
                Doing { what: "take", pts: inputs.iter().flatten().map(|item| item.pts()).max() }
            }
            Turn::Finish => Doing { what: "finish", pts: None },
            Turn::Hear(_) => Doing { what: "hear a wish", pts: None },
        }
    }
}

impl Trace {
    /// Begins a trace.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn to(mut to: impl Write + Send + 'static) -> io::Result<Trace> {
        let process = json!({ "name": "process_name", "ph": "M", "pid": 1, "args": { "name": "framegate" } });
        write!(to, "[\n{process}")?;
        Ok(Trace(Arc::new(Mutex::new(Writing { to: Some(Box::new(to)), threads: Vec::new() }))))
    }

    /// A turn of `node` on `thread` from `begun` to `ended`, since the start of the run.
    pub(super) fn turn(&self, node: &str, thread: &str, doing: &Doing, begun: Duration, ended: Duration) {
        let mut writing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = writing.thread(thread);
        let micros = |time: Duration| time.as_nanos() as f64 / 1000.0;
        writing.put(&json!({
            "name": node,
            "cat": doing.what,
            "ph": "X",
            "pid": 1,
            "tid": number,
            "ts": micros(begun),
            "dur": micros(ended.saturating_sub(begun)),
            "args": { "pts_ms": doing.pts.map(|pts| pts.nanos() as f64 / 1e6) },
        }));
    }
}

impl Writing {
    /// The number of a thread, whose name is written when it comes for the first time.
    fn thread(&mut self, name: &str) -> usize {
        if let Some(number) = self.threads.iter().position(|known| known == name) {
            return number;
        }
        let number = self.threads.len();
        self.threads.push(name.to_owned());
        let args = json!({ "name": name });
        self.put(&json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": number, "args": args }));
        number
    }

    fn put(&mut self, event: &Json) {
        let Some(to) = &mut self.to else { return };
        if let Err(error) = write!(to, ",\n{event}") {
            tracing::warn!("the trace ends here, since it cannot be written: {error}");
            self.to = None;
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Some(to) = &mut self.to else { return };
        if let Err(error) = to.write_all(b"\n]\n").and_then(|()| to.flush()) {
            tracing::warn!("the end of the trace cannot be written: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_trace_is_one_array_with_a_slice_for_each_turn_on_its_thread() {
        let paper = Paper::default();
        let trace = Trace::to(paper.clone()).unwrap();
        let ms = Duration::from_millis;
        let doing = Doing { what: "take", pts: Some(Pts::from_nanos(33_000_000)) };
        trace.turn("h264", "worker-0", &doing, ms(40), ms(43));
        trace.turn("live", "worker-1", &doing, ms(43), ms(44));
        trace.turn("h264", "worker-0", &Doing::of(&Turn::Finish), ms(50), ms(51));
        drop(trace);
        let written: Vec<Json> = serde_json::from_slice(&paper.0.lock().unwrap()).unwrap();
        let slices: Vec<&Json> = written.iter().filter(|event| event["ph"] == "X").collect();
        assert_eq!(slices.len(), 3);
        assert_eq!((&slices[0]["ts"], &slices[0]["dur"]), (&json!(40_000.0), &json!(3_000.0)));
        assert_eq!((&slices[0]["args"]["pts_ms"], &slices[2]["args"]["pts_ms"]), (&json!(33.0), &Json::Null));
        assert_eq!(
            (&slices[0]["tid"], &slices[1]["tid"], &slices[2]["tid"]),
            (&json!(0), &json!(1), &json!(0))
        );
        let names: Vec<&Json> = written.iter().filter(|event| event["name"] == "thread_name").collect();
        assert_eq!((names.len(), &names[1]["args"]["name"]), (2, &json!("worker-1")));
    }
}
