//! What a node's inputs say about its next turn.
//!
//! Owns the three joins: `each` (its items drive the node, a turn each), `same_pts` (waits for the
//! item with the driving item's PTS, as long as that can still come) and `latest` (takes the newest
//! there is). Looks, and takes; when to look is the scheduler's business.

use std::time::Duration;

use crate::graph::plan::{Clock, LinkId};
use crate::media::{Item, Pts};
use crate::node::{Inputs, Join};

use super::link::{FirstUse, Link, Partner};
use super::node::Node;

/// What the inputs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing to take.
    Idle,
    /// Nothing will come that could drive a turn.
    Over,
    /// This item drives the next turn, and all it joins is settled.
    Go(Drive),
    /// This item drives the next turn, once what it joins is settled.
    WaitsForPartner(Drive),
    /// Offline: another input may still bring an item with a lower PTS.
    WaitsForOrder,
}

/// The item that drives a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drive {
    pub link: LinkId,
    pub pts: Pts,
}

/// Looks at the inputs of `node`; takes nothing.
pub(super) fn look(node: &Node, links: &[Link], clock: Clock) -> Look {
    let Some(drive) = lowest_head(node, links) else {
        let over = driving(node, links).all(|link| links[link.0].is_over());
        return if over { Look::Over } else { Look::Idle };
    };
    if node.gives_up {
        return Look::Go(drive);
    }
    // Two branches that meet: live, whoever is there goes first. Offline, the order of turns must
    // not depend on who was faster.
    let undecided = |link: LinkId| links[link.0].head().is_none() && !links[link.0].is_over();
    if clock == Clock::Offline && driving(node, links).any(undecided) {
        return Look::WaitsForOrder;
    }
    match fed(node).all(|link| is_settled(&links[link.0], drive.pts)) {
        true => Look::Go(drive),
        false => Look::WaitsForPartner(drive),
    }
}

/// Takes the items of one turn out of the links; `lost` gets the PTS of what became stale by it.
/// `node.taken` remembers which links they came from.
pub(super) fn take(
    node: &mut Node,
    links: &mut [Link],
    drive: Drive,
    now: Duration,
    lost: &mut Vec<Pts>,
) -> Inputs {
    node.taken.clear();
    let mut take_from = |id: LinkId| -> Option<Item> {
        let link = &mut links[id.0];
        let (item, first_use) = match link.join {
            Join::Each if id == drive.link => (link.take(now), FirstUse::Yes),
            Join::Each => (None, FirstUse::No),
            Join::SamePts => (link.take_partner(drive.pts, now, lost), FirstUse::Yes),
            Join::Latest => link.take_newest(drive.pts, now, lost),
        };
        if first_use == FirstUse::Yes && (item.is_some() || link.join == Join::Latest) {
            node.taken.push(id);
        }
        item
    };
    Inputs::new(node.inputs.iter().map(|link| link.and_then(&mut take_from)))
}

/// The waiting item with the lowest PTS among those that can drive a turn.
fn lowest_head(node: &Node, links: &[Link]) -> Option<Drive> {
    let heads = driving(node, links).filter_map(|link| Some(Drive { link, pts: links[link.0].head()? }));
    heads.min_by_key(|drive| drive.pts)
}

fn is_settled(link: &Link, driving: Pts) -> bool {
    match link.join {
        Join::Each => true,
        Join::SamePts => link.partner(driving) != Partner::MayCome,
        Join::Latest => link.newest_is_decided(driving),
    }
}

fn driving<'a>(node: &'a Node, links: &'a [Link]) -> impl Iterator<Item = LinkId> + 'a {
    fed(node).filter(|link| links[link.0].join == Join::Each)
}

fn fed(node: &Node) -> impl Iterator<Item = LinkId> + '_ {
    node.inputs.iter().flatten().copied()
}
