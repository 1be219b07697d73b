// The picture, its boxes and its two buttons: what the page and the bare player share.

import { Boxes } from "./boxes.js";
import { Viewing } from "./whep.js";

const NOTICES = {
  connecting: "Connecting…",
  live: "",
  "no-source": "Waiting for the source",
  full: "No place left for another viewer",
  busy: "Too many requests; trying again soon",
  unreachable: "Reconnecting…",
  refused: "This viewer cannot play it",
};

export class Stage {
  /** @param {Element} root the `.stage` element  @param {URL} endpoint the relay's WHEP address */
  constructor(root, endpoint) {
    const video = root.querySelector("video");
    const notice = root.querySelector(".notice");
    this.boxes = new Boxes(video, root.querySelector(".boxes"));
    this.viewing = new Viewing(endpoint, {
      state: (state, reason) => {
        root.dataset.state = state;
        notice.textContent = NOTICES[state];
        notice.title = reason ?? "";
        if (state !== "live") this.boxes.clear();
      },
      stream: (stream) => { video.srcObject = stream; video.play().catch(() => {}); },
      message: (text) => this.boxes.take(text),
    });
    video.addEventListener("resize", () => {
      if (video.videoWidth) root.style.aspectRatio = `${video.videoWidth} / ${video.videoHeight}`;
    });
    this.#controls(root);
    addEventListener("pagehide", () => this.viewing.stop());
    addEventListener("pageshow", () => this.viewing.start());
    this.viewing.start();
  }

  #controls(root) {
    const toggle = root.querySelector(".toggle-boxes");
    const flip = () => {
      this.boxes.visible = !this.boxes.visible;
      toggle.setAttribute("aria-pressed", this.boxes.visible);
    };
    const full = () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else (root.requestFullscreen?.() ?? Promise.resolve()).catch(() => {});
    };
    toggle.addEventListener("click", flip);
    root.querySelector(".fullscreen").addEventListener("click", full);
    // Only while the picture has the focus: elsewhere a bare letter may mean something else.
    root.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "b") flip();
      if (event.key === "f") full();
    });
  }
}
