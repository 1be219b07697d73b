//! What of one plan goes on in another: a pure comparison, node by node, by their ids.
//!
//! Owns what may stay as it is. Whether a node can take other settings while it runs is for the node
//! to say.

use crate::graph::plan::{NodeId, Plan, PlanLink, PlanNode};
use crate::node::{Contract, Format};

/// What becomes of a node of the new plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is node `.0` of the old plan, and nothing about it has changed.
    Stays(usize),
    /// It is node `.0` of the old plan, with other settings or other formats to come.
    Adjusts(usize),
    /// It takes the place of node `.0` of the old plan, which is of another kind or shape.
    Replaces(usize),
    New,
}

impl Fate {
    /// The node of the old plan that goes on as this one.
    pub fn goes_on(self) -> Option<usize> {
        match self {
            Fate::Stays(old) | Fate::Adjusts(old) => Some(old),
            Fate::Replaces(_) | Fate::New => None,
        }
    }
}

/// For each node of `new`, what it is to `old`.
pub(super) fn fates(old: &Plan, new: &Plan) -> Vec<Fate> {
    new.nodes.iter().enumerate().map(|(index, node)| fate(old, new, index, node)).collect()
}

fn fate(old: &Plan, new: &Plan, index: usize, node: &PlanNode) -> Fate {
    let Some(was) = old.nodes.iter().position(|was| was.id == node.id) else {
        return Fate::New;
    };
    let before = &old.nodes[was];
    if !same_shape(before, node) {
        return Fate::Replaces(was);
    }
    let fed = |plan: &Plan, node| plan.input_formats(NodeId(node));
    match before.settings == node.settings && fed(old, was) == fed(new, index) {
        true => Fate::Stays(was),
        false => Fate::Adjusts(was),
    }
}

/// Whether one may stand where the other stood: the same kind, with the same ports and place of work.
fn same_shape(old: &PlanNode, new: &PlanNode) -> bool {
    let shape = |contract: &Contract| {
        let inputs: Vec<_> = contract.inputs.iter().map(|port| port.name).collect();
        let outputs: Vec<_> = contract.outputs.iter().map(|port| port.name).collect();
        (inputs, outputs, contract.work, contract.pace)
    };
    old.kind.about().name == new.kind.about().name && shape(&old.contract) == shape(&new.contract)
}

/// For each link of `new`, the link of `old` that goes on as it, given which nodes go on.
pub(super) fn links(old: &Plan, new: &Plan, fates: &[Fate]) -> Vec<Option<usize>> {
    let goes_on = |link: &PlanLink| {
        let (from, to) = (fates[link.from.0].goes_on()?, fates[link.to.0].goes_on()?);
        old.links.iter().position(|was| (was.from.0, was.to.0) == (from, to) && same_link(was, link))
    };
    new.links.iter().map(goes_on).collect()
}

fn same_link(old: &PlanLink, new: &PlanLink) -> bool {
    let rules = |link: &PlanLink| {
        (link.from_port, link.to_port, link.capacity, link.when_full, link.join, link.max_age, link.rate)
    };
    // What waits was made in the old format: another pixel format would surprise whoever takes it.
    let pixels = |format: &Format| format.video().map(|video| video.pixel);
    rules(old) == rules(new) && pixels(&old.format) == pixels(&new.format)
}

/// The nodes of `old` that have no namesake in `new`.
pub(super) fn removed(old: &Plan, new: &Plan) -> Vec<String> {
    let gone = old.nodes.iter().filter(|was| !new.nodes.iter().any(|node| node.id == was.id));
    gone.map(|was| was.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::graph::{self, Text};
    use crate::relay::Hub;
    use std::path::PathBuf;

    const GRAPH: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 320x240, rate: 30 } }
  - { id: small, kind: scale, with: { size: 160x120 }, inputs: camera }
  - { id: h264, kind: h264, inputs: { frames: { from: small, queue: 1 } } }
  - { id: live, kind: relay, inputs: h264 }
";

    fn plan(text: &str) -> Plan {
        let text = Text { name: "test.yaml".to_owned(), folder: PathBuf::new(), text: text.to_owned() };
        let checked = graph::load(&text, &[], &catalog::kinds_serving(&Hub::new()), &|_| None);
        checked.plan.unwrap_or_else(|| panic!("{:?}", checked.findings))
    }

    /// What becomes of camera, small, h264 and live, and how many of the three links go on.
    fn changed(from: &str, to: &str) -> (Vec<Fate>, usize) {
        assert!(GRAPH.contains(from), "{from} is not in the graph");
        let (old, new) = (plan(GRAPH), plan(&GRAPH.replace(from, to)));
        let fates = fates(&old, &new);
        let kept = links(&old, &new, &fates).into_iter().flatten().count();
        (fates, kept)
    }

    #[test]
    fn what_is_the_same_stays() {
        use Fate::Stays;
        assert_eq!(changed("id", "id"), (vec![Stays(0), Stays(1), Stays(2), Stays(3)], 3));
    }

    #[test]
    fn other_settings_concern_their_node_and_whoever_sees_another_format_by_them() {
        use Fate::{Adjusts, Stays};
        assert_eq!(changed("160x120", "176x144"), (vec![Stays(0), Adjusts(1), Adjusts(2), Adjusts(3)], 3));
        assert_eq!(
            changed("rate: 30", "rate: 30, seed: 4"),
            (vec![Adjusts(0), Stays(1), Stays(2), Stays(3)], 3)
        );
    }

    #[test]
    fn another_kind_takes_the_place_of_the_old_one_and_its_links_are_new() {
        let to = "kind: crop, with: { box: [0, 0, 0.5, 0.5] }";
        let (fates, kept) = changed("kind: scale, with: { size: 160x120 }", to);
        assert_eq!(fates, [Fate::Stays(0), Fate::Replaces(1), Fate::Stays(2), Fate::Stays(3)]);
        assert_eq!(kept, 1);
    }

    #[test]
    fn a_link_with_other_rules_is_another_link_between_nodes_that_stay() {
        let (fates, kept) = changed("queue: 1", "queue: 2");
        assert!(fates.iter().all(|fate| matches!(fate, Fate::Stays(_))));
        assert_eq!(kept, 2);
    }

    #[test]
    fn a_pixel_format_that_changes_leaves_no_link_with_items_of_the_old_one() {
        let (fates, kept) = changed("rate: 30", "rate: 30, format: nv12");
        // A conversion comes in before the encoder, by itself.
        let new = fates.iter().filter(|fate| **fate == Fate::New).count();
        assert_eq!((new, kept), (1, 1));
    }

    #[test]
    fn what_is_left_out_is_named() {
        let without = GRAPH.replace("  - { id: live, kind: relay, inputs: h264 }\n", "");
        assert_eq!(removed(&plan(GRAPH), &plan(&without)), ["live"]);
    }
}
