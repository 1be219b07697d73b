//! The log, the metrics and the time left.

use std::time::Instant;

use super::{Budget, State};
use crate::plugin::bindings::host;

impl host::Host for State {
    fn log(&mut self, level: host::Level, message: String) -> wasmtime::Result<()> {
        self.journal.line(level, &message, Instant::now());
        Ok(())
    }

    fn gauge(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        if let (Some(metric), true) = (self.journal.metric(&name), value.is_finite()) {
            // The cast saturates: what is below zero shows as zero.
            metric.set(value.round() as u64);
        }
        Ok(())
    }

    fn count(&mut self, name: String, delta: u64) -> wasmtime::Result<()> {
        if let Some(metric) = self.journal.metric(&name) {
            metric.add(delta);
        }
        Ok(())
    }

    fn budget_ns(&mut self) -> wasmtime::Result<u64> {
        let left = match self.budget {
            Budget::Until(then) => then.saturating_duration_since(Instant::now()),
            Budget::Constant(time) => time,
        };
        Ok(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX))
    }
}
