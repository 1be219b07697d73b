// One viewing over WHEP, kept alive: it goes on when the network changes, and comes back by itself after
// a lost one or a restarted server. Owns the peer connection and its session; leaves the picture and the numbers to others.
//
// States: connecting · live · no-source · full · busy · unreachable · refused.

import * as access from "./access.js";
import { onAnotherNetwork, restart } from "./restart.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;
const CONNECT_WITHIN_MS = 8_000;
/** A short loss mends itself; ICE says `disconnected` first and `failed` much later. */
const GONE_AFTER_MS = 2_500;

export class Viewing {
  #endpoint;
  #told;
  #wake = () => {};
  #over = null;
  /** The receiver of the picture while there is one, for `getStats`. */
  receiver = null;

  /**
   * @param {URL} endpoint the relay's WHEP address
   * @param {{state: (state: string, reason?: string) => void, stream: (stream: MediaStream) => void,
   *   message: (text: string) => void}} told who hears what happens
   */
  constructor(endpoint, told) {
    this.#endpoint = endpoint;
    this.#told = told;
  }

  start() {
    if (this.#over) return;
    this.#over = new AbortController();
    this.#keepAlive(this.#over.signal);
  }

  /** Ends the session on the server too, even while the page is being left. */
  stop() {
    this.#over?.abort();
    this.#over = null;
  }

  /** The server was seen: try now rather than at the end of the wait. */
  hurry() {
    this.#wake();
  }

  async #keepAlive(over) {
    let failures = 0;
    while (!over.aborted) {
      if (failures === 0) this.#told.state("connecting");
      let wait = FIRST_WAIT_MS;
      try {
        await this.#watchOnce(over, () => { failures = 0; });
      } catch (error) {
        if (over.aborted) return;
        failures += 1;
        const trouble = error instanceof Refusal ? error : new Refusal("unreachable", "the server does not answer");
        this.#told.state(trouble.state, trouble.message);
        wait = trouble.retryAfterMs ?? Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS);
      }
      await this.#pause(wait, over);
    }
  }

  /** Resolves when a session that was live has ended; throws when there was none. */
  async #watchOnce(over, connected) {
    const iceServers = await helpers(this.#endpoint, over);
    const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers });
    // What listens for this session ends with it.
    const life = new AbortController();
    let session = null;
    try {
      const { receiver } = peer.addTransceiver("video", { direction: "recvonly" });
      // Lossy on purpose: a box that comes late belongs to a picture nobody sees any more.
      const channel = peer.createDataChannel("detections", { ordered: false, maxRetransmits: 0 });
      channel.onmessage = (event) => this.#told.message(event.data);
      peer.ontrack = (event) => this.#told.stream(new MediaStream([event.track]));

      await peer.setLocalDescription();
      // The offer goes out before any candidate is gathered: the server's own address is enough,
      // and it learns ours from the first check.
      const answer = await post(this.#endpoint, peer.localDescription.sdp, over);
      session = answer.session;
      await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      await connection(peer, over, life.signal);
      connected();
      this.receiver = receiver;
      this.#told.state("live");
      await ending(peer, session, receiver, channel, over, life.signal);
    } finally {
      this.receiver = null;
      life.abort();
      peer.close();
      if (session) fetch(session, { method: "DELETE", keepalive: true, headers: access.headers() }).catch(() => {});
    }
  }

  async #pause(ms, over) {
    const life = new AbortController();
    await new Promise((resolve) => {
      setTimeout(resolve, ms);
      this.#wake = resolve;
      over.addEventListener("abort", resolve, { signal: life.signal });
    });
    life.abort();
  }
}

const NO_DECODER = "This browser cannot decode H.264. Firefox fetches what it needs a few minutes after its first start; load the page again then.";

class Refusal extends Error {
  constructor(state, message, retryAfterMs) {
    super(message);
    this.state = state;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The STUN and TURN servers to use: asked for first, since a connection under way takes none. */
async function helpers(endpoint, over) {
  const response = await access.request(endpoint, { method: "OPTIONS", signal: over }, CONNECT_WITHIN_MS);
  const links = (response.headers.get("Link") ?? "").matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+=(?:"(?:[^"\\]|\\.)*"|[^\s;,]+))*)/g);
  return [...links].flatMap(([, url, rest]) => {
    const given = Object.fromEntries([...rest.matchAll(/([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,]+))/g)]
      .map(([, name, quoted, bare]) => [name, quoted?.replace(/\\(.)/g, "$1") ?? bare]));
    if (given.rel !== "ice-server") return [];
    return given.username ? [{ urls: url, username: given.username, credential: given.credential }] : [{ urls: url }];
  });
}

async function post(endpoint, offer, over) {
  const response = await access.request(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: offer,
    signal: over,
  });
  if (response.status === 201) {
    return { sdp: await response.text(), session: new URL(response.headers.get("Location"), endpoint) };
  }
  const problem = await response.json().catch(() => ({}));
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const state = { 404: "refused", 406: "refused", 409: "no-source", 429: "busy", 503: "full" }[response.status] ?? "unreachable";
  const bare = response.status === 406 && !/ H264\//i.test(offer);
  throw new Refusal(state, bare ? NO_DECODER : problem.detail ?? problem.title ?? `the server answered ${response.status}`,
    Number.isFinite(seconds) ? seconds * 1000 : undefined);
}

function connection(peer, over, life) {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Refusal("unreachable", "no way to the server was found"));
    const timer = setTimeout(giveUp, CONNECT_WITHIN_MS);
    life.addEventListener("abort", () => clearTimeout(timer));
    over.addEventListener("abort", giveUp, { signal: life });
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "connected") resolve();
      if (peer.connectionState === "failed") giveUp();
    };
  });
}

function ending(peer, session, receiver, channel, over, life) {
  return new Promise((resolve) => {
    let patience = null;
    let mending = false;
    const mend = async () => {
      if (mending) return;
      mending = true;
      // If it cannot be mended, the connection comes back by itself or ends.
      await restart(peer, session, AbortSignal.any([over, life])).catch(() => {});
      mending = false;
    };
    onAnotherNetwork(mend, life);
    over.addEventListener("abort", resolve, { signal: life });
    // A server that goes away in order closes DTLS; the connection's own state says so seconds later.
    receiver.transport.onstatechange = () => { if (receiver.transport.state === "closed") resolve(); };
    channel.onclose = resolve;
    peer.onconnectionstatechange = () => {
      clearTimeout(patience);
      if (peer.connectionState === "failed" || peer.connectionState === "closed") resolve();
      if (peer.connectionState !== "disconnected") return;
      patience = setTimeout(resolve, GONE_AFTER_MS);
      mend();
    };
  });
}
