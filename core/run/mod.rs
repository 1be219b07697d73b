//! The scheduler's hands: worker pool, device threads, clock, stop order, report.

mod report;

pub use report::{LinkReport, NodeReport, NodeState, Report, Spread};
