// The graph, drawn in the order a frame meets its nodes: left to right on a desk, downwards on a
// phone. Owns the places of the cards and the lines between them, and what changed since the last
// look at the counters.

import * as text from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const narrow = matchMedia("(max-width: 760px)");

export class Flow {
  #root;
  #lines;
  #cards = new Map();
  #shape = "";
  #links = [];
  #last = null;

  constructor(root) {
    this.#root = root;
    this.#lines = document.createElementNS(SVG, "svg");
    this.#lines.setAttribute("class", "lines");
    this.#lines.setAttribute("aria-hidden", "true");
    new ResizeObserver(() => this.#connect()).observe(root);
    narrow.addEventListener("change", () => { this.#place(); this.#connect(); });
  }

  /** @param {object} graph the answer of `/api/graph` */
  show(graph) {
    const shape = JSON.stringify([graph.nodes.map((node) => [node.id, node.kind]), graph.links.map((link) => [link.from, link.to])]);
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#last = null;
      this.#build(graph);
    }
    const last = this.#last;
    this.#last = graph;
    // A restarted server counts from zero again.
    const seconds = last && last.elapsed_ms < graph.elapsed_ms ? (graph.elapsed_ms - last.elapsed_ms) / 1000 : NaN;
    graph.nodes.forEach((node, index) => this.#showNode(node, last?.nodes[index], graph, last, seconds));
    graph.links.forEach((link, index) => this.#showLink(link, last?.links[index], index, seconds));
  }

  #build(graph) {
    this.#root.replaceChildren(this.#lines);
    this.#cards.clear();
    this.#links = graph.links;
    const depths = layers(graph);
    const rows = new Map();
    for (const node of graph.nodes) {
      const card = document.getElementById("node").content.firstElementChild.cloneNode(true);
      card.querySelector("h3").textContent = node.id;
      card.querySelector(".kind").textContent = node.inserted ? `${node.kind} · put in` : node.kind;
      card.dataset.role = node.role;
      const depth = depths.get(node.id);
      const row = rows.get(depth) ?? 0;
      rows.set(depth, row + 1);
      this.#cards.set(node.id, { card, depth, row });
      this.#root.append(card);
    }
    this.#lines.replaceChildren(...graph.links.map(() => {
      const group = document.createElementNS(SVG, "g");
      group.append(document.createElementNS(SVG, "path"), document.createElementNS(SVG, "text"));
      return group;
    }));
    const longest = Math.max(0, ...graph.links.map(({ from_node, to_node }) => depths.get(to_node) - depths.get(from_node)));
    this.#root.classList.toggle("skips", longest > 1);
    this.#place();
    this.#connect();
  }

  #place() {
    for (const { card, depth, row } of this.#cards.values()) {
      const [column, line] = narrow.matches ? [row, depth] : [depth, row];
      card.style.gridColumn = column + 1;
      card.style.gridRow = line + 1;
    }
  }

  #connect() {
    const down = narrow.matches;
    const frame = this.#root.getBoundingClientRect();
    // Everything is worked out along the way a frame goes and across it; `down` swaps the two.
    const boxes = new Map([...this.#cards].map(([id, { card, depth }]) => {
      const at = card.getBoundingClientRect();
      const [left, top, right, bottom] = [at.left - frame.left, at.top - frame.top, at.right - frame.left, at.bottom - frame.top];
      return [id, down
        ? { depth, start: top, end: bottom, middle: (left + right) / 2, edge: right }
        : { depth, start: left, end: right, middle: (top + bottom) / 2, edge: bottom }];
    }));
    this.#links.forEach((link, index) => {
      const [path, label] = this.#lines.children[index].children;
      const [from, to] = [boxes.get(link.from_node), boxes.get(link.to_node)];
      const skipped = [...boxes.values()].filter(({ depth }) => depth > from.depth && depth < to.depth);
      const line = skipped.length ? around(from, to, skipped) : straight(from, to);
      const turned = ([along, across]) => (down ? `${across} ${along}` : `${along} ${across}`);
      path.setAttribute("d", `M${turned(line[0])}C${line.slice(1).map(turned).join(" ")}`);
      const [along, across] = [(line[0][0] + line[3][0]) / 2, middle(line.map((point) => point[1]))];
      label.setAttribute("x", down ? across + 10 : along);
      label.setAttribute("y", down ? along + 4 : across - 8);
      label.style.textAnchor = down ? "start" : "middle";
    });
  }

  #showNode(node, last, graph, lastGraph, seconds) {
    const { card } = this.#cards.get(node.id);
    const put = (name, value) => { card.querySelector(`[data-value="${name}"]`).textContent = value; };
    // A node that a reload has replaced counts from zero again.
    const turns = Math.max(0, node.turns - (last?.turns ?? 0));
    const busy = Math.max(0, node.busy_ms - (last?.busy_ms ?? 0));
    put("rate", Number.isFinite(seconds) ? `${text.rate(turns / seconds)}/s` : "–");
    put("time", turns > 0 && Number.isFinite(seconds) ? text.duration(busy / turns) : text.duration(node.turn_ms.p50));
    const drops = lostAt(graph, node.id) + node.failed;
    put("drops", text.count(drops));
    const rising = lastGraph && drops > lostAt(lastGraph, node.id) + (last?.failed ?? 0);
    card.classList.toggle("dropping", Boolean(rising));
    card.querySelector(".load span").style.width = `${Math.min(100, Number.isFinite(seconds) ? busy / seconds / 10 : 0)}%`;
    const state = card.querySelector(".state");
    card.dataset.state = node.state;
    state.textContent = node.state === "running" ? "" : node.state;
    card.querySelector(".reason").textContent = node.reason ?? "";
    card.title = [`a turn: ${spread(node.turn_ms)}`, node.latency_ms && `from capture: ${spread(node.latency_ms)}`,
      ...graph.links.filter((link) => link.to_node === node.id).flatMap((link) => [`waits for it from ${link.from}: ${spread(link.wait_ms)}`,
        ...Object.entries(link.dropped).filter(([, count]) => count > 0).map(([reason, count]) => `lost as ${reason}: ${text.count(count)}`)]),
      ...Object.entries(node.counters).map(([name, count]) => `${name}: ${text.count(count)}`)].filter(Boolean).join("\n");
  }

  #showLink(link, last, index, seconds) {
    const group = this.#lines.children[index];
    const lost = last ? sum(link.dropped) - sum(last.dropped) : 0;
    group.setAttribute("class", lost > 0 ? "dropping" : "");
    group.lastChild.textContent = lost > 0 && Number.isFinite(seconds) ? `−${text.rate(lost / seconds)}/s` : "";
  }
}

function straight(from, to) {
  const half = (from.end + to.start) / 2;
  return [[from.end, from.middle], [half, from.middle], [half, to.middle], [to.start, to.middle]];
}

/** A link that skips nodes goes past them, not behind them. */
function around(from, to, skipped) {
  const lane = Math.max(from.edge, to.edge, ...skipped.map(({ edge }) => edge)) + 14;
  // A cubic curve comes three quarters of the way to its control points.
  const pull = (8 * lane - from.middle - to.middle) / 6;
  return [[from.end, from.middle], [from.end + 24, pull], [to.start - 24, pull], [to.start, to.middle]];
}

/** Where a cubic curve with these coordinates is halfway. */
function middle([a, b, c, d]) {
  return (a + 3 * b + 3 * c + d) / 8;
}

/** The middle one, the worst of twenty and the worst of a hundred. */
function spread({ p50, p95, p99 }) {
  return [p50, p95, p99].map(text.duration).join(" / ");
}

/** What the links into a node have lost so far. */
function lostAt(graph, id) {
  return graph.links.filter((link) => link.to_node === id).reduce((lost, link) => lost + sum(link.dropped), 0);
}

/** What was lost; what a link's `rate` leaves out was asked for, and while nobody watches nothing is missed. */
function sum({ rate, asleep, ...reasons }) {
  return Object.values(reasons).reduce((total, count) => total + count, 0);
}

/** For each node, how many nodes at the most a frame has met before it. Nodes come in plan order. */
function layers(graph) {
  const depths = new Map();
  for (const node of graph.nodes) {
    const feeders = graph.links.filter((link) => link.to_node === node.id).map((link) => depths.get(link.from_node) ?? 0);
    depths.set(node.id, feeders.length ? Math.max(...feeders) + 1 : 0);
  }
  return depths;
}
