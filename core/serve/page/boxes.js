// Detections, drawn on exactly the picture they were found in: both carry the same RTP timestamp.
// Owns the canvas over a video and the messages that wait for their picture.

/** Messages kept for pictures still in the jitter buffer: about four seconds at 60 a second. */
const MOST_WAITING = 256;
/** Pixels between what is marked and its corners. */
const OUTSIDE = 5;
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

/** Corners rather than a frame, a little outside: what they mark stays in sight, and so does what an
 *  overlay has drawn into the picture itself. */
function draw(paper, { label, score, x, y, width, height, track }, picture) {
  const colour = COLOURS[(track ?? hash(label)) % COLOURS.length];
  const [left, top] = [picture.x + x * picture.width - OUTSIDE, picture.y + y * picture.height - OUTSIDE];
  const [right, bottom] = [left + width * picture.width + 2 * OUTSIDE, top + height * picture.height + 2 * OUTSIDE];
  const arm = Math.min(14, (right - left) / 3, (bottom - top) / 3);
  paper.beginPath();
  for (const [cornerX, cornerY, inX, inY] of [[left, top, 1, 1], [right, top, -1, 1], [right, bottom, -1, -1], [left, bottom, 1, -1]]) {
    paper.moveTo(cornerX + inX * arm, cornerY);
    paper.lineTo(cornerX, cornerY);
    paper.lineTo(cornerX, cornerY + inY * arm);
  }
  for (const [line, style] of [[4.5, "rgb(0 0 0 / 60%)"], [2.5, colour]]) {
    paper.lineWidth = line;
    paper.strokeStyle = style;
    paper.stroke();
  }

  const text = track == null ? `${label} ${Math.round(score * 100)}%` : `${label} ${track}`;
  paper.font = "600 12px ui-sans-serif, system-ui, sans-serif";
  const chip = { width: paper.measureText(text).width + 12, height: 19 };
  // Below where there is room, inside otherwise.
  const chipTop = bottom + 5 + chip.height <= picture.y + picture.height ? bottom + 5 : bottom - chip.height - 5;
  const chipLeft = Math.max(picture.x, Math.min(left, picture.x + picture.width - chip.width));
  paper.fillStyle = colour;
  paper.beginPath();
  paper.roundRect(chipLeft, chipTop, chip.width, chip.height, 4);
  paper.fill();
  paper.fillStyle = "#16140f";
  paper.textBaseline = "middle";
  paper.fillText(text, chipLeft + 6, chipTop + 10);
}

function hash(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return sum;
}
