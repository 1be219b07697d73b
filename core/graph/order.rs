//! The order in which every node comes after all that feed it, or the cycles that forbid one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::resolve::Draft;
use crate::diagnostic::Diagnostic;

/// Node indices in topological order, ties by the order of the document. Nodes on a cycle, and all
/// that hang on one, are left out.
pub(super) fn order(draft: &Draft) -> Vec<usize> {
    let mut waiting_for = vec![0_usize; draft.nodes.len()];
    let feeds = feeds(draft);
    draft.links.iter().for_each(|link| waiting_for[link.to] += 1);
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..draft.nodes.len()).filter(|&node| waiting_for[node] == 0).map(Reverse).collect();
    let mut order = Vec::new();
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for &next in &feeds[node] {
            waiting_for[next] -= 1;
            if waiting_for[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    order
}

/// For each node, the nodes it feeds, once for every link.
fn feeds(draft: &Draft) -> Vec<Vec<usize>> {
    let mut feeds = vec![Vec::new(); draft.nodes.len()];
    draft.links.iter().for_each(|link| feeds[link.from].push(link.to));
    feeds
}

/// One finding for each cycle; `order` is what [`order`] gave.
pub(super) fn cycles(draft: &Draft, order: &[usize]) -> Vec<Diagnostic> {
    let mut done = vec![false; draft.nodes.len()];
    order.iter().for_each(|&node| done[node] = true);
    let feeds = feeds(draft);
    let mut findings = Vec::new();
    for start in 0..draft.nodes.len() {
        if done[start] {
            continue;
        }
        if let Some(cycle) = shortest(&feeds, start, &done) {
            cycle.iter().for_each(|&node| done[node] = true);
            findings.push(finding(draft, &cycle));
        }
        done[start] = true;
    }
    findings
}

/// The shortest way from `start` back to itself over nodes that are not done, by breadth.
fn shortest(feeds: &[Vec<usize>], start: usize, done: &[bool]) -> Option<Vec<usize>> {
    let mut came_from = vec![None; feeds.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in feeds[node].iter().filter(|&&next| !done[next]) {
            if next == start {
                return Some(way(&came_from, start, node));
            }
            if came_from[next].is_none() {
                came_from[next] = Some(node);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The nodes from `start` to `end`.
fn way(came_from: &[Option<usize>], start: usize, end: usize) -> Vec<usize> {
    let mut way = vec![end];
    while let Some(last) = way.last().filter(|last| **last != start) {
        match came_from[*last] {
            Some(before) => way.push(before),
            None => break,
        }
    }
    way.reverse();
    way
}

fn finding(draft: &Draft, cycle: &[usize]) -> Diagnostic {
    let start = cycle[0];
    let names = cycle.iter().chain([&start]).map(|&node| format!("\"{}\"", draft.nodes[node].name));
    let names: Vec<String> = names.collect();
    // The link that closes the cycle: into its first node, from its last.
    let closing = draft.links.iter().find(|link| link.to == start && cycle.last() == Some(&link.from));
    let path = closing.map_or_else(|| draft.nodes[start].path.key("inputs"), |link| link.path.clone());
    let message = match cycle.len() {
        1 => format!("\"{}\" feeds itself", draft.nodes[start].name),
        _ => format!("these nodes feed each other in a circle: {}", names.join(" → ")),
    };
    Diagnostic::error("cycle", path, message)
        .help("frames go one way, from a source to a sink: take one of these links out")
}
