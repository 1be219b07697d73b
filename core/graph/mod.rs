//! Text → document → plan. Pure: it opens nothing, starts nothing and knows no kind by name.

pub mod plan;

pub use plan::{Clock, LinkId, NodeId, Plan, PlanLink, PlanNode, Server};
