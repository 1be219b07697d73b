// One relay on the page: its stage and the figures beside it.

import { Figures } from "./figures.js";
import { Stage } from "./stage.js";
import * as text from "./text.js";

const TREND_LENGTH = 60;

export class Panel {
  #root;
  #figures = new Figures();
  #trends = { latency: [], bitrate: [] };
  #endpoint;

  constructor(name, base, clock) {
    this.#root = document.getElementById("relay").content.firstElementChild.cloneNode(true);
    this.#endpoint = new URL(`${name}/whep`, base);
    this.#root.querySelector("h2").textContent = name;
    this.#root.querySelector(".stage").setAttribute("aria-label", `Live picture of ${name}. Press b for boxes, f for full screen`);
    this.#root.querySelector(".player").href = new URL(name, base);
    this.#root.querySelector(".copy").addEventListener("click", (event) => this.#copy(event.currentTarget));
    this.stage = new Stage(this.#root.querySelector(".stage"), this.#endpoint);
    this.stage.boxes.onpicture = ({ now, message }) => {
      if (message) this.#figures.latency(clock.since(message.pts_ns, now));
    };
  }

  get element() {
    return this.#root;
  }

  /** Once a second, with what the server says of this relay. */
  async show(relay) {
    this.#put("viewers", text.count(relay?.viewers));
    const now = await this.#figures.read(this.stage.viewing.receiver);
    this.#put("latency", text.duration(now?.latency));
    this.#put("bitrate", text.bitrate(now?.bitrate));
    this.#put("fps", text.rate(now?.fps));
    this.#put("lost", text.share(now?.lost, now?.packets));
    this.#put("freezes", text.count(now?.freezes));
    this.#put("size", now?.width ? `${now.width} × ${now.height}` : "");
    for (const [name, line] of Object.entries(this.#trends)) this.#trend(name, line, now?.[name]);
  }

  remove() {
    this.stage.viewing.stop();
    this.#root.remove();
  }

  #put(name, value) {
    const place = this.#root.querySelector(`[data-value="${name}"]`);
    if (place.textContent !== value) place.textContent = value;
  }

  #trend(name, line, value) {
    line.push(Number.isFinite(value) ? value : NaN);
    if (line.length > TREND_LENGTH) line.shift();
    const top = 1.25 * Math.max(...line.filter(Number.isFinite), 1e-9);
    let pen = "M";
    let path = "";
    line.forEach((height, index) => {
      if (!Number.isFinite(height)) { pen = "M"; return; }
      const x = TREND_LENGTH - line.length + index;
      path += `${pen}${x} ${(19 - (18 * height) / top).toFixed(2)}`;
      pen = "L";
    });
    this.#root.querySelector(`[data-trend="${name}"] path`).setAttribute("d", path);
  }

  async #copy(button) {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(this.#endpoint.href);
      button.textContent = "Copied";
    } catch {
      // Without a secure origin there is no clipboard: show it, so that it can be copied by hand.
      button.textContent = this.#endpoint.href;
      return;
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  }
}
