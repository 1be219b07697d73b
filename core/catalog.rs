//! The one list of node kinds, and the only place where a cargo feature decides about a kind.

use std::sync::Arc;

use crate::node::{Kinds, NodeKind};
use crate::nodes;

/// Every kind this build knows.
pub fn kinds() -> Kinds {
    let present: Vec<Arc<dyn NodeKind>> =
        vec![Arc::new(nodes::test_pattern::TestPattern), Arc::new(nodes::collect::Collect)];
    Kinds { present, absent: vec![] }
}
