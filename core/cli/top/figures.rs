//! What two answers of `/api/graph` say: rates between them, and totals.
//!
//! Pure: takes the answers, gives rows of text. Of the answers it knows only what it shows.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The answer of `/api/graph`, as far as it is shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Graph {
    name: String,
    clock: String,
    elapsed_ms: f64,
    nodes: Vec<Node>,
    links: Vec<Link>,
    pool: Pool,
}

#[derive(Clone, Debug, Deserialize)]
struct Node {
    id: String,
    kind: String,
    state: String,
    reason: Option<String>,
    turns: u64,
    failed: u64,
    busy_ms: f64,
    turn_ms: Percentiles,
    latency_ms: Option<Percentiles>,
}

#[derive(Clone, Debug, Deserialize)]
struct Link {
    to_node: String,
    capacity: usize,
    waiting: usize,
    wait_ms: Percentiles,
    dropped: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
    p99: f64,
}

#[derive(Clone, Debug, Deserialize)]
struct Pool {
    out_bytes: usize,
    idle_bytes: usize,
    limit_bytes: usize,
    allocations: u64,
}

/// The names of the columns; the first is wide, the last takes what is left.
pub const COLUMNS: [&str; 9] =
    ["NODE", "KIND", "RATE", "LOAD", "TURN 50/95/99", "WAIT 50/95/99", "QUEUE", "LATENCY 50/95/99", "LOST"];

/// What is shown.
pub struct View {
    /// `demo · live · 0:42 · 0.31 cores · frames 12 of 256 MiB, 14 allocations`
    pub head: String,
    pub rows: Vec<Row>,
    /// Why there is nothing newer than this.
    pub silent: Option<String>,
}

/// One node.
pub struct Row {
    /// In the order of [`COLUMNS`].
    pub cells: [String; COLUMNS.len()],
    pub mood: Mood,
}

/// Whether a node needs looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// It loses items now.
    Losing,
    /// What it works with is not there.
    Waiting,
    Ended,
    Failed,
}

impl View {
    /// What `now` says, and the rates since `before`.
    pub fn of(now: &Graph, before: Option<&Graph>) -> View {
        // A server that was started anew counts from zero again.
        let before = before.filter(|before| before.elapsed_ms < now.elapsed_ms);
        let seconds = before.map(|before| (now.elapsed_ms - before.elapsed_ms) / 1000.0);
        let earlier = |id: &str| before.and_then(|before| before.nodes.iter().find(|node| node.id == id));
        let rows = now.nodes.iter().map(|node| {
            let lost_before = before.map(|before| lost_at(before, &node.id));
            row(node, earlier(&node.id), seconds, now, lost_before)
        });
        View { head: head(now, before, seconds), rows: rows.collect(), silent: None }
    }

    /// As text, a line for each node.
    pub fn text(&self) -> String {
        let mut lines = vec![COLUMNS.map(str::to_owned)];
        lines.extend(self.rows.iter().map(|row| row.cells.clone()));
        let widths: [usize; COLUMNS.len()] = std::array::from_fn(|column| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        });
        let line = |cells: &[String; COLUMNS.len()]| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let table = lines.iter().map(line).collect::<Vec<_>>().join("\n");
        format!("{}\n\n{table}\n", self.head)
    }
}

fn head(now: &Graph, before: Option<&Graph>, seconds: Option<f64>) -> String {
    let whole = (now.elapsed_ms / 1000.0) as u64;
    let busy = |graph: &Graph| graph.nodes.iter().map(|node| node.busy_ms).sum::<f64>();
    let cores = before.zip(seconds).map(|(before, seconds)| (busy(now) - busy(before)) / 1000.0 / seconds);
    let cores = cores.map_or(String::new(), |cores| format!(" · {:.2} cores", cores.max(0.0)));
    let mebi = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    let Pool { out_bytes, idle_bytes, limit_bytes, allocations } = now.pool;
    format!(
        "{} · {} · {}:{:02}{cores} · frames {:.0} of {:.0} MiB, {allocations} allocations",
        now.name,
        now.clock,
        whole / 60,
        whole % 60,
        mebi(out_bytes + idle_bytes),
        mebi(limit_bytes),
    )
}

fn row(
    node: &Node,
    before: Option<&Node>,
    seconds: Option<f64>,
    graph: &Graph,
    lost_before: Option<BTreeMap<&str, u64>>,
) -> Row {
    let feeds: Vec<&Link> = graph.links.iter().filter(|link| link.to_node == node.id).collect();
    let since = before.filter(|before| before.turns <= node.turns).zip(seconds);
    let rate = since.map(|(before, seconds)| (node.turns - before.turns) as f64 / seconds);
    let load = since.map(|(before, seconds)| (node.busy_ms - before.busy_ms).max(0.0) / seconds / 10.0);
    let (lost, losing) = losses(&lost_at(graph, &node.id), lost_before.as_ref(), seconds);
    let slowest = feeds.iter().map(|link| link.wait_ms).max_by(|a, b| a.p99.total_cmp(&b.p99));
    let mood = match node.state.as_str() {
        "failed" => Mood::Failed,
        "waiting" => Mood::Waiting,
        "ended" => Mood::Ended,
        _ if losing => Mood::Losing,
        _ => Mood::Well,
    };
    let last = match (&node.reason, mood) {
        (Some(reason), Mood::Failed) => format!("failed: {reason}"),
        (Some(why), Mood::Waiting) => format!("waiting: {why}"),
        (_, Mood::Ended) => "ended".to_owned(),
        _ if node.failed > 0 => format!("{lost} failed {}", node.failed).trim().to_owned(),
        _ => lost,
    };
    let queue = feeds.iter().map(|link| format!("{}/{}", link.waiting, link.capacity));
    Row {
        cells: [
            node.id.clone(),
            node.kind.clone(),
            rate.map_or_else(none, |rate| format!("{rate:.1}/s")),
            load.map_or_else(none, |load| format!("{load:.0} %")),
            spread(&node.turn_ms),
            slowest.as_ref().map_or_else(String::new, spread),
            queue.collect::<Vec<_>>().join(" "),
            node.latency_ms.as_ref().map_or_else(String::new, spread),
            last,
        ],
        mood,
    }
}

fn none() -> String {
    "–".to_owned()
}

/// What was lost on the links into a node, by reason. What a `rate` keeps out was asked for, and
/// while nobody watches nothing is missed.
fn lost_at<'a>(graph: &'a Graph, id: &str) -> BTreeMap<&'a str, u64> {
    let mut lost = BTreeMap::new();
    for (reason, count) in graph.links.iter().filter(|link| link.to_node == id).flat_map(|link| &link.dropped)
    {
        if !matches!(reason.as_str(), "rate" | "asleep") && *count > 0 {
            *lost.entry(reason.as_str()).or_insert(0) += count;
        }
    }
    lost
}

/// `overload 312 +9.0/s`, and whether anything is being lost now.
fn losses(
    now: &BTreeMap<&str, u64>,
    before: Option<&BTreeMap<&str, u64>>,
    seconds: Option<f64>,
) -> (String, bool) {
    let mut losing = false;
    let one = |(reason, count): (&&str, &u64)| {
        let earlier = before.map(|before| before.get(reason).copied().unwrap_or(0));
        let more = earlier.and_then(|earlier| count.checked_sub(earlier)).filter(|more| *more > 0);
        losing |= more.is_some();
        match more.zip(seconds) {
            Some((more, seconds)) => format!("{reason} {count} +{:.1}/s", more as f64 / seconds),
            None => format!("{reason} {count}"),
        }
    };
    let told: Vec<String> = now.iter().map(one).collect();
    (told.join(", "), losing)
}

/// `0.8/1.2/4.0 ms`
fn spread(of: &Percentiles) -> String {
    let [p50, p95, p99] = [of.p50, of.p95, of.p99];
    let (scale, unit, digits) = match p99 {
        p99 if p99 >= 1000.0 => (0.001, "s", 1),
        p99 if p99 >= 100.0 => (1.0, "ms", 0),
        p99 if p99 >= 1.0 => (1.0, "ms", 1),
        _ => (1000.0, "µs", 0),
    };
    let shown = [p50, p95, p99].map(|ms| format!("{:.digits$}", ms * scale));
    format!("{} {unit}", shown.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn graph(elapsed_ms: f64, turns: u64, dropped: u64) -> Graph {
        let times = json!({ "p50": 0.8, "p95": 1.2, "p99": 4.0 });
        let node = |id: &str, latency: Option<&serde_json::Value>| {
            json!({
                "id": id, "kind": id, "state": "running", "reason": null, "turns": turns, "failed": 0,
                "busy_ms": turns as f64, "turn_ms": times, "latency_ms": latency,
            })
        };
        let link = json!({
            "to_node": "live", "capacity": 2, "waiting": 1, "wait_ms": times,
            "dropped": { "full": 0, "overload": dropped, "asleep": 7 },
        });
        let graph = json!({
            "name": "demo", "clock": "live", "elapsed_ms": elapsed_ms,
            "nodes": [node("camera", None), node("live", Some(&times))], "links": [link],
            "pool": { "out_bytes": 1 << 20, "idle_bytes": 1 << 20, "limit_bytes": 1 << 28, "allocations": 14 },
        });
        serde_json::from_value(graph).unwrap()
    }

    #[test]
    fn two_looks_make_rates_and_say_what_is_being_lost_and_why() {
        let view = View::of(&graph(62_000.0, 160, 12), Some(&graph(60_000.0, 100, 2)));
        assert_eq!(view.head, "demo · live · 1:02 · 0.06 cores · frames 2 of 256 MiB, 14 allocations");
        let [camera, live] = [&view.rows[0], &view.rows[1]];
        assert_eq!(camera.cells[2..], ["30.0/s", "3 %", "0.8/1.2/4.0 ms", "", "", "", ""]);
        let times = "0.8/1.2/4.0 ms";
        assert_eq!(live.cells[2..], ["30.0/s", "3 %", times, times, "1/2", times, "overload 12 +5.0/s"]);
        assert_eq!((camera.mood, live.mood), (Mood::Well, Mood::Losing));
        assert!(view.text().lines().any(|line| line.starts_with("live ") && line.ends_with("+5.0/s")));
    }

    #[test]
    fn one_look_or_a_server_started_anew_has_no_rates() {
        for before in [None, Some(graph(90_000.0, 500, 40))] {
            let view = View::of(&graph(2000.0, 60, 12), before.as_ref());
            assert_eq!(view.rows[1].cells[2..4], ["–", "–"]);
            assert_eq!((view.rows[1].cells[8].as_str(), view.rows[1].mood), ("overload 12", Mood::Well));
        }
    }
}
