// What this viewer measures: bitrate, frame rate, losses and latency, once a second.
// Owns the differences between two readings; leaves showing them to the panel.

/** Where the graph's clock stands, as this page's clock has it. */
export class GraphClock {
  #best = { trip: Infinity, offset: NaN, at: 0 };

  /** `elapsedMs` was read at the server somewhere between `sent` and `received` (`performance.now()`). */
  learn(elapsedMs, sent, received) {
    const trip = received - sent;
    // The quickest answer of the last minute tells best; older ones have drifted.
    const old = received - this.#best.at > 60_000;
    const restarted = Math.abs((sent + received) / 2 - elapsedMs - this.#best.offset) > 2_000 + trip;
    if (trip <= this.#best.trip || old || restarted) {
      this.#best = { trip, offset: (sent + received) / 2 - elapsedMs, at: received };
    }
  }

  /** From a picture's PTS to `now` (`performance.now()`), in milliseconds. */
  since(ptsNs, now) {
    return now - this.#best.offset - ptsNs / 1e6;
  }
}

/** Turns `getStats` into what happened since the last reading. */
export class Figures {
  #last = null;
  #latencies = [];

  /** A picture was shown this many milliseconds after it was captured. */
  latency(ms) {
    if (Number.isFinite(ms)) this.#latencies.push(ms);
  }

  /** @param {RTCRtpReceiver | null} receiver */
  async read(receiver) {
    const report = await receiver?.getStats();
    const rtp = report && [...report.values()].find((entry) => entry.type === "inbound-rtp");
    const latency = middle(this.#latencies);
    this.#latencies = [];
    if (!rtp) { this.#last = null; return null; }
    const last = this.#last;
    this.#last = rtp;
    if (!last || last.id !== rtp.id || last.bytesReceived > rtp.bytesReceived) return null;
    const seconds = (rtp.timestamp - last.timestamp) / 1000;
    const packets = rtp.packetsReceived + Math.max(rtp.packetsLost, 0);
    return {
      bitrate: (8 * (rtp.bytesReceived + (rtp.headerBytesReceived ?? 0) - last.bytesReceived - (last.headerBytesReceived ?? 0))) / seconds,
      fps: (rtp.framesDecoded - last.framesDecoded) / seconds,
      lost: Math.max(rtp.packetsLost, 0),
      packets,
      freezes: rtp.freezeCount ?? 0,
      width: rtp.frameWidth,
      height: rtp.frameHeight,
      latency,
    };
  }
}

function middle(numbers) {
  if (numbers.length === 0) return NaN;
  return numbers.sort((a, b) => a - b)[numbers.length >> 1];
}
