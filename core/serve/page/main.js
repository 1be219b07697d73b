// The page at `/`: asks the server once a second and tells each part what it said.

import { held, request } from "./access.js";
import { GraphClock } from "./figures.js";
import { Flow } from "./flow.js";
import { Panel } from "./panel.js";
import * as text from "./text.js";

const EVERY_MS = 1000;
const base = new URL("../", import.meta.url);
const clock = new GraphClock();
const panels = new Map();
const flow = new Flow(document.getElementById("flow"));

async function ask(path) {
  const response = await request(new URL(path, base), { cache: "no-store" }, 4000);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

async function look() {
  const sent = performance.now();
  try {
    const [graph, { relays }] = await Promise.all([ask("api/graph"), ask("api/relays")]);
    clock.learn(graph.elapsed_ms, sent, performance.now());
    server("live", `up ${text.uptime(graph.elapsed_ms)}`);
    showGraph(graph);
    await showRelays(relays);
  } catch {
    server("unreachable", "reconnecting");
    for (const panel of panels.values()) panel.show(null);
  }
  setTimeout(look, EVERY_MS);
}

function server(state, words) {
  const pill = document.getElementById("server");
  const back = pill.dataset.state !== "live" && state === "live";
  pill.dataset.state = state;
  if (pill.textContent !== words) pill.textContent = words;
  if (back) for (const panel of panels.values()) panel.stage.viewing.hurry();
}

function showGraph(graph) {
  document.title = `${graph.name} · Framegate`;
  document.getElementById("graph-name").textContent = graph.name;
  document.getElementById("totals").textContent =
    `${graph.nodes.length} nodes · ${text.bytes(graph.pool.out_bytes)} of frames in flight`;
  flow.show(graph);
}

async function showRelays(relays) {
  const names = new Set(relays.map((relay) => relay.name));
  for (const [name, panel] of panels) {
    if (!names.has(name)) { panel.remove(); panels.delete(name); }
  }
  for (const { name } of relays) {
    if (panels.has(name)) continue;
    const panel = new Panel(name, base, clock);
    panels.set(name, panel);
    document.getElementById("relays").append(panel.element);
  }
  document.getElementById("relays").dataset.count = relays.length;
  document.getElementById("no-relay").hidden = relays.length > 0;
  await Promise.all(relays.map((relay) => panels.get(relay.name).show(relay)));
}

// A link cannot carry the token: what it leads to is fetched with it, and shown in its place.
for (const link of document.querySelectorAll(".bottom a")) {
  link.addEventListener("click", async (event) => {
    if (!held()) return;
    event.preventDefault();
    const answer = await request(new URL(link.href), {}, 4000);
    location.assign(URL.createObjectURL(new Blob([await answer.text()], { type: "text/plain" })));
  });
}

look();
