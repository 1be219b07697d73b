// Detections, drawn on exactly the picture they were found in: both carry the same RTP timestamp.
// Owns the canvas over a video and the messages that wait for their picture.

/** Messages kept for pictures still in the jitter buffer: about four seconds at 60 a second. */
const MOST_WAITING = 256;
const COLOURS = ["#ffb84d", "#5ad1ff", "#9cf28a", "#ff8fa8", "#c9a6ff", "#ffe36e"];

export class Boxes {
  #video;
  #canvas;
  #waiting = new Map();
  #shown = null;
  visible = true;
  /** Told of each picture shown: `{ now, rtp, message }`, with `message` null when none came. */
  onpicture = () => {};

  constructor(video, canvas) {
    this.#video = video;
    this.#canvas = canvas;
    new ResizeObserver(() => this.redraw()).observe(canvas);
    if ("requestVideoFrameCallback" in video) this.#nextPicture();
  }

  /** A message of the data channel: `{rtp, pts_ns, sequence, detections}`. */
  take(text) {
    let message;
    try { message = JSON.parse(text); } catch { return; }
    if (this.#shown?.rtp === message.rtp) this.#show({ ...this.#shown, message });
    this.#waiting.set(message.rtp, message);
    if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value);
  }

  clear() {
    this.#waiting.clear();
    this.#shown = null;
    this.redraw();
  }

  redraw() {
    const scale = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.#canvas;
    const width = Math.round(clientWidth * scale), height = Math.round(clientHeight * scale);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      Object.assign(this.#canvas, { width, height });
    }
    const paper = this.#canvas.getContext("2d");
    paper.setTransform(scale, 0, 0, scale, 0, 0);
    paper.clearRect(0, 0, clientWidth, clientHeight);
    const found = this.#shown?.message?.detections ?? [];
    if (!this.visible || found.length === 0) return;
    const picture = pictureArea(this.#video, clientWidth, clientHeight);
    for (const detection of found) draw(paper, detection, picture);
  }

  #nextPicture() {
    this.#video.requestVideoFrameCallback((_, picture) => {
      const rtp = picture.rtpTimestamp;
      this.#show({ rtp, now: picture.expectedDisplayTime, message: this.#waiting.get(rtp) ?? null });
      this.#nextPicture();
    });
  }

  #show(shown) {
    this.#shown = shown;
    this.redraw();
    this.onpicture(shown);
    // For whoever scripts the page: what is drawn on which picture.
    this.#video.dispatchEvent(new CustomEvent("framegate-picture", { detail: shown }));
  }
}

/** Where the picture lies inside its element: `object-fit: contain` leaves bars. */
function pictureArea(video, width, height) {
  const scale = Math.min(width / (video.videoWidth || width), height / (video.videoHeight || height));
  const area = { width: (video.videoWidth || width) * scale, height: (video.videoHeight || height) * scale };
  return { ...area, x: (width - area.width) / 2, y: (height - area.height) / 2 };
}

function draw(paper, { label, score, x, y, width, height, track }, picture) {
  const colour = COLOURS[(track ?? hash(label)) % COLOURS.length];
  const left = picture.x + x * picture.width, top = picture.y + y * picture.height;
  paper.lineWidth = 2;
  paper.strokeStyle = "rgb(0 0 0 / 55%)";
  paper.strokeRect(left - 1.5, top - 1.5, width * picture.width + 3, height * picture.height + 3);
  paper.strokeStyle = colour;
  paper.strokeRect(left, top, width * picture.width, height * picture.height);

  const text = track == null ? `${label} ${Math.round(score * 100)}%` : `${label} ${track}`;
  paper.font = "600 12px ui-sans-serif, system-ui, sans-serif";
  const textWidth = paper.measureText(text).width;
  // Above the box where there is room, inside it otherwise.
  const chipTop = top >= picture.y + 20 ? top - 20 : top + 1;
  const chipLeft = Math.min(left - 1, picture.x + picture.width - textWidth - 12);
  paper.fillStyle = colour;
  paper.fillRect(chipLeft, chipTop, textWidth + 12, 19);
  paper.fillStyle = "#16140f";
  paper.textBaseline = "middle";
  paper.fillText(text, chipLeft + 6, chipTop + 10);
}

function hash(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return sum;
}
