//! The same counters for Prometheus (OpenMetrics text).
//!
//! Labels are node ids, ends of links, drop reasons and a node's own counter names, all bounded by
//! the graph: nothing a viewer sends becomes a label.

use std::fmt;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::problem::Problem;
use super::routes::Served;
use crate::relay::{SessionStats, StreamStats, Tables, Totals};
use crate::run::{NodeReport, NodeState, Report, Spread};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/metrics`
pub async fn scrape(State(served): State<Served>) -> Response {
    let mut registry = Registry::with_prefix("framegate");
    registry.register_collector(Box::new(Scrape {
        report: served.watch.report(),
        relays: served.hub.stats(),
        tables: served.hub.tables(),
    }));
    let mut text = String::new();
    match text::encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(fmt::Error) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written")
                .into_response()
        }
    }
}

/// One look at everything, so that the numbers of one scrape belong together.
#[derive(Debug)]
struct Scrape {
    report: Report,
    relays: Vec<StreamStats>,
    tables: Tables,
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut page = Page(encoder);
        let uptime = [(vec![], self.report.elapsed.as_secs_f64())];
        page.gauges("uptime", "Since the graph started", Some(Unit::Seconds), uptime)?;
        self.nodes(&mut page)?;
        self.links(&mut page)?;
        self.pool(&mut page)?;
        self.relays(&mut page)
    }
}

impl Scrape {
    fn nodes(&self, page: &mut Page) -> fmt::Result {
        let each = || self.report.nodes.iter().map(|node| (of(node), node));
        let goes_on = |state: &NodeState| matches!(state, NodeState::Running | NodeState::Waiting(_));
        let running = each().map(|(labels, node)| (labels, u64::from(goes_on(&node.state))));
        page.gauges("node_running", "1 until the node ends or fails", None, running)?;
        let waits = |state: &NodeState| matches!(state, NodeState::Waiting(_));
        let waiting = each().map(|(labels, node)| (labels, u64::from(waits(&node.state))));
        page.gauges("node_waiting", "1 while what it works with is not there: a lost camera", None, waiting)?;
        page.counters(
            "node_turns",
            "Turns taken, failed ones included",
            None,
            each().map(|(l, n)| (l, n.turns)),
        )?;
        page.counters("node_items", "Items given", None, each().map(|(l, n)| (l, n.given)))?;
        page.counters("node_failures", "Turns that failed", None, each().map(|(l, n)| (l, n.failed)))?;
        let busy = each().map(|(labels, node)| (labels, node.busy.as_secs_f64()));
        page.counters("node_busy", "Time spent in the node", Some(Unit::Seconds), busy)?;
        let turns = each().flat_map(|(labels, node)| quantiles(&labels, node.turn));
        page.gauges("node_turn", "Time of one turn", Some(Unit::Seconds), turns)?;
        let latency = each().flat_map(|(labels, node)| {
            node.latency.map(|latency| quantiles(&labels, latency)).into_iter().flatten()
        });
        page.gauges("latency", "From capture to the end of the sink's turn", Some(Unit::Seconds), latency)?;
        let own = each().flat_map(|(labels, node)| {
            node.counters.iter().map(move |(name, count)| (with(&labels, "name", name), *count))
        });
        page.gauges("node_counter", "What the node counts about itself", None, own)
    }

    fn links(&self, page: &mut Page) -> fmt::Result {
        let each = || {
            self.report
                .links
                .iter()
                .map(|link| (vec![("from", link.from.as_str()), ("to", link.to.as_str())], link))
        };
        page.counters(
            "link_passed",
            "Items that reached the link's end",
            None,
            each().map(|(l, k)| (l, k.passed)),
        )?;
        let dropped = each().flat_map(|(labels, link)| {
            link.dropped.iter().map(move |(reason, count)| (with(&labels, "reason", reason), *count))
        });
        page.counters("link_dropped", "Items lost, by reason", None, dropped)?;
        let waits = each().flat_map(|(labels, link)| quantiles(&labels, link.wait));
        page.gauges("link_wait", "How long items waited that passed", Some(Unit::Seconds), waits)?;
        page.gauges("link_waiting", "Items waiting", None, each().map(|(l, k)| (l, k.waiting as u64)))?;
        page.gauges(
            "link_capacity",
            "The most items that may wait",
            None,
            each().map(|(l, k)| (l, k.capacity as u64)),
        )
    }

    fn pool(&self, page: &mut Page) -> fmt::Result {
        let pool = &self.report.pool;
        let held = [
            (vec![("state", "out")], pool.out_bytes as u64),
            (vec![("state", "idle")], pool.idle_bytes as u64),
        ];
        page.gauges("pool", "Frame memory held", Some(Unit::Bytes), held)?;
        page.gauges(
            "pool_limit",
            "The most frame memory held",
            Some(Unit::Bytes),
            [(vec![], pool.limit as u64)],
        )?;
        let allocations = [(vec![], pool.allocations)];
        page.counters("pool_allocations", "Times memory was asked of the system", None, allocations)
    }

    fn relays(&self, page: &mut Page) -> fmt::Result {
        let each = || self.relays.iter().map(|relay| (vec![("relay", relay.id.as_str())], relay));
        page.gauges(
            "relay_viewers",
            "Sessions whose media flows",
            None,
            each().map(|(l, r)| (l, r.viewers as u64)),
        )?;
        let bitrate = each().map(|(labels, relay)| (labels, relay.bitrate));
        page.gauges("relay_bits_per_second", "Of the stream, over the last second", None, bitrate)?;
        page.gauges(
            "relay_pictures_per_second",
            "Over the last second",
            None,
            each().map(|(l, r)| (l, r.fps)),
        )?;
        page.counters("relay_pictures", "Pictures relayed", None, each().map(|(l, r)| (l, r.pictures)))?;
        page.counters(
            "relay_keyframes",
            "Keyframes among them",
            None,
            each().map(|(l, r)| (l, r.keyframes)),
        )?;
        let wishes = each().map(|(labels, relay)| (labels, relay.wishes));
        page.counters("relay_keyframe_wishes", "Keyframes asked of the encoder", None, wishes)?;
        let dropped = each().map(|(labels, relay)| (labels, relay.dropped));
        page.counters("relay_dropped", "Pictures lost because the relay was behind", None, dropped)?;
        self.session_counts(page)?;
        self.session_spreads(page)?;
        let held = self.tables.iter().map(|(table, entries)| (vec![("table", *table)], *entries as u64));
        page.gauges(
            "relay_held",
            "What is held for sessions, publishers' too: none, when there are none",
            None,
            held,
        )
    }

    /// Sums over all sessions there ever were, since a viewer must not become a label.
    fn session_counts(&self, page: &mut Page) -> fmt::Result {
        type Count = fn(&Totals) -> u64;
        let counts: [(&str, &str, Count); 8] = [
            ("relay_sessions", "Sessions that were begun", |t| t.sessions),
            ("relay_packets", "Packets sent to viewers, retransmissions not counted", |t| t.counts.packets),
            ("relay_nacks", "Reports of missing packets", |t| t.counts.nacks),
            ("relay_resent", "Packets sent again", |t| t.counts.resent),
            ("relay_unrepaired", "Missing packets that were not sent again", |t| t.counts.unrepaired),
            ("relay_picture_losses", "Reports of lost pictures (PLI and FIR)", |t| t.counts.plis),
            ("relay_dropped_to_key", "Times a slow viewer was dropped to a keyframe", |t| {
                t.counts.dropped_to_key
            }),
            ("relay_thinned", "Pictures of upper layers left out for slow viewers", |t| t.counts.thinned),
        ];
        for (name, help, count) in counts {
            let each =
                self.relays.iter().map(|relay| (vec![("relay", relay.id.as_str())], count(&relay.totals)));
            page.counters(name, help, None, each)?;
        }
        Ok(())
    }

    /// How the sessions of this moment fare: the middle one, the worst tenth, the worst.
    fn session_spreads(&self, page: &mut Page) -> fmt::Result {
        type Figure = fn(&SessionStats) -> Option<f64>;
        let figures: [(&str, &str, Option<Unit>, Figure); 3] = [
            (
                "relay_session_loss",
                "Share of packets lost, as viewers reported last",
                Some(Unit::Ratios),
                |s| Some(f64::from(s.loss)),
            ),
            ("relay_session_rtt", "Round trip to a viewer", Some(Unit::Seconds), |s| {
                s.rtt.map(|rtt| rtt.as_secs_f64())
            }),
            ("relay_session_bits_per_second", "Media sent to a viewer over the last second", None, |s| {
                Some(s.bitrate as f64)
            }),
        ];
        for (name, help, unit, figure) in figures {
            let each = self.relays.iter().flat_map(|relay| {
                let connected = relay.sessions.iter().filter(|session| session.connected.is_some());
                let mut sorted: Vec<f64> = connected.filter_map(figure).collect();
                sorted.sort_by(f64::total_cmp);
                SHARES.into_iter().filter_map(move |(label, share)| {
                    let labels = vec![("relay", relay.id.as_str()), ("quantile", label)];
                    Some((labels, *sorted.get(rank(sorted.len(), share))?))
                })
            });
            page.gauges(name, help, unit, each)?;
        }
        Ok(())
    }
}

const SHARES: [(&str, f64); 4] = [("0.1", 0.1), ("0.5", 0.5), ("0.9", 0.9), ("1", 1.0)];

/// Where, in `count` sorted numbers, the one stands that a `share` of them does not exceed.
fn rank(count: usize, share: f64) -> usize {
    ((count as f64 * share).ceil() as usize).saturating_sub(1)
}

/// The page under construction.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauges<'a, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        samples: impl IntoIterator<Item = (Labels<'a>, V)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
        for (labels, value) in samples {
            match labels.is_empty() {
                true => metric.encode_gauge(&value)?,
                false => metric.encode_family(&labels)?.encode_gauge(&value)?,
            }
        }
        Ok(())
    }

    /// The writer adds `_total` to the name, as OpenMetrics has it.
    fn counters<'a, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        samples: impl IntoIterator<Item = (Labels<'a>, V)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
        for (labels, value) in samples {
            match labels.is_empty() {
                true => metric.encode_counter::<NoLabelSet, V, f64>(&value, None)?,
                false => metric.encode_family(&labels)?.encode_counter::<NoLabelSet, V, f64>(&value, None)?,
            }
        }
        Ok(())
    }
}

fn of(node: &NodeReport) -> Labels<'_> {
    vec![("node", node.id.as_str()), ("kind", node.kind)]
}

fn with<'a>(labels: &Labels<'a>, name: &'static str, value: &'a str) -> Labels<'a> {
    labels.iter().copied().chain([(name, value)]).collect()
}

fn quantiles<'a>(labels: &Labels<'a>, spread: Spread) -> [(Labels<'a>, f64); 3] {
    [("0.5", spread.p50), ("0.95", spread.p95), ("0.99", spread.p99)]
        .map(|(quantile, time)| (with(labels, "quantile", quantile), time.as_secs_f64()))
}
