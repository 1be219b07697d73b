//! What a link does with items, one rule at a time.

use super::*;
use crate::graph::plan::PlanLink;
use crate::media::{AccessUnit, Detections, Region};
use crate::node::Format;

const NOW: Duration = Duration::ZERO;

fn link(when_full: WhenFull, join: Join) -> Link {
    Link::new(&plan(when_full, join), Clock::Live)
}

fn plan(when_full: WhenFull, join: Join) -> PlanLink {
    PlanLink {
        from: NodeId(0),
        from_port: 0,
        to: NodeId(1),
        to_port: 0,
        format: Format::Detections,
        capacity: 2,
        when_full,
        join,
        max_age: None,
        rate: None,
    }
}

fn pts(ms: i64) -> Pts {
    Pts::from_nanos(ms * 1_000_000)
}

fn item(ms: i64) -> Item {
    let (part, found) = (Region::WHOLE, Default::default());
    Item::Detections(Detections { by: "a".into(), pts: pts(ms), sequence: 0, part, found })
}

fn unit(ms: i64, keyframe: bool) -> Item {
    Item::AccessUnit(AccessUnit {
        data: Default::default(),
        keyframe,
        layer: 0,
        pts: pts(ms),
        sequence: 0,
        annotations: Default::default(),
    })
}

fn offer_all(link: &mut Link, items: impl IntoIterator<Item = Item>) -> Vec<Offered> {
    items.into_iter().map(|item| link.offer(item, NOW, Reason::Full, &mut Vec::new())).collect()
}

fn waiting(link: &Link) -> Vec<i64> {
    link.queue.iter().map(|(item, _)| item.pts().nanos() / 1_000_000).collect()
}

#[test]
fn the_oldest_goes_from_a_full_link_that_drops_the_oldest() {
    let mut link = link(WhenFull::DropOldest, Join::Each);
    offer_all(&mut link, [item(1), item(2), item(3)]);
    assert_eq!(waiting(&link), [2, 3]);
    assert_eq!(link.tally().dropped(Reason::Full), 1);
}

#[test]
fn the_newest_goes_from_a_full_link_that_drops_the_newest() {
    let mut link = link(WhenFull::DropNewest, Join::Each);
    offer_all(&mut link, [item(1), item(2), item(3)]);
    assert_eq!(waiting(&link), [1, 2]);
    assert_eq!(link.tally().dropped(Reason::Full), 1);
}

#[test]
fn a_full_link_of_encoded_video_asks_once_and_goes_on_at_the_keyframe() {
    let mut link = link(WhenFull::ToKeyframe, Join::Each);
    let units = [unit(1, true), unit(2, false), unit(3, false), unit(4, false), unit(5, true)];
    let offered = offer_all(&mut link, units);
    use Offered::{Queued, Refused, WantsKeyframe};
    assert_eq!(offered, [Queued, Queued, WantsKeyframe, Refused, Queued]);
    assert_eq!(waiting(&link), [5], "what waits before a keyframe only delays it");
    assert_eq!((link.tally().dropped(Reason::Full), link.tally().dropped(Reason::Resync)), (1, 3));
    assert!(link.tally().adds_up());
}

#[test]
fn nothing_is_let_in_before_the_keyframe_even_when_there_is_room() {
    let mut link = link(WhenFull::ToKeyframe, Join::Each);
    offer_all(&mut link, [unit(1, true), unit(2, false), unit(3, false)]);
    link.take(NOW);
    assert_eq!(offer_all(&mut link, [unit(4, false), unit(5, true)]), [Offered::Refused, Offered::Queued]);
    assert_eq!(waiting(&link), [2, 5]);
}

#[test]
fn an_item_whose_pts_does_not_rise_is_lost_and_counted() {
    let mut link = link(WhenFull::Block, Join::Each);
    offer_all(&mut link, [item(5), item(5), item(4)]);
    assert_eq!(waiting(&link), [5]);
    assert_eq!(link.tally().dropped(Reason::Stale), 2);
}

#[test]
fn a_partner_is_settled_by_a_newer_one_by_the_end_and_by_its_loss() {
    let mut link = link(WhenFull::Block, Join::SamePts);
    assert_eq!(link.partner(pts(3)), Partner::MayCome);
    link.mark_gone(pts(3));
    assert_eq!(link.partner(pts(3)), Partner::CannotCome);
    offer_all(&mut link, [item(5)]);
    assert_eq!(link.partner(pts(4)), Partner::CannotCome);
    assert_eq!(link.partner(pts(5)), Partner::Here);
    assert!(link.take_partner(pts(5), NOW, &mut Vec::new()).is_some());
    link.end();
    assert_eq!(link.partner(pts(6)), Partner::CannotCome);
}

#[test]
fn the_newest_is_used_again_until_it_is_too_old() {
    let plan = PlanLink { max_age: Some(Duration::from_millis(100)), ..plan(WhenFull::Block, Join::Latest) };
    let mut link = Link::new(&plan, Clock::Live);
    offer_all(&mut link, [item(1), item(2), item(3)]);
    let newest = |link: &mut Link, at| link.take_newest(pts(at), NOW, &mut Vec::new());
    let seen = |(item, first): (Option<Item>, FirstUse)| (item.map(|item| item.pts()), first);
    assert_eq!(seen(newest(&mut link, 10)), (Some(pts(3)), FirstUse::Yes));
    assert_eq!(seen(newest(&mut link, 103)), (Some(pts(3)), FirstUse::No));
    assert_eq!(seen(newest(&mut link, 104)), (None, FirstUse::No));
    assert_eq!(link.tally().dropped(Reason::Stale), 2);
}

#[test]
fn offline_the_newest_does_not_depend_on_who_was_faster() {
    let mut link = Link::new(&plan(WhenFull::Block, Join::Latest), Clock::Offline);
    offer_all(&mut link, [item(1)]);
    assert!(!link.newest_is_decided(pts(2)));
    offer_all(&mut link, [item(3)]);
    assert!(link.newest_is_decided(pts(2)));
    assert_eq!(link.take_newest(pts(2), NOW, &mut Vec::new()).0.map(|item| item.pts()), Some(pts(1)));
    assert_eq!(waiting(&link), [3]);
}
