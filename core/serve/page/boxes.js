// Detections, drawn on exactly the picture they were found in: both carry the same RTP timestamp.
//
// The browser puts a video on the screen by itself and tells of it a moment later, so boxes laid
// over the video would trail what moves. Picture and boxes are painted together instead, on a
// canvas that covers the video. Owns that canvas and the messages that wait for their picture.

/** Messages kept for pictures still in the jitter buffer: about four seconds at 60 a second. */
const MOST_WAITING = 256;
/** Pixels between what is marked and its corners. */
const OUTSIDE = 5;
const COLOURS = ["#ffb84d", "#5ad1ff", "#9cf28a", "#ff8fa8", "#c9a6ff", "#ffe36e"];

export class Boxes {
  #video;
  #canvas;
  #paper;
  #waiting = new Map();
  #shown = null;
  #visible = true;
  /** Told of each picture shown: `{ rtp, now, message }`, with `message` null when none came. */
  onpicture = () => {};

  constructor(video, canvas) {
    this.#video = video;
    this.#canvas = canvas;
    this.#paper = canvas.getContext("2d");
    new ResizeObserver(() => this.#fit()).observe(canvas);
    if ("requestVideoFrameCallback" in video) this.#nextPicture();
  }

  get visible() {
    return this.#visible;
  }

  /** Without boxes there is nothing to paint together, and the video itself is seen. */
  set visible(visible) {
    this.#visible = visible;
    if (!visible) this.#wipe();
  }

  /** A message of the data channel: `{rtp, pts_ns, sequence, detections}`. */
  take(text) {
    let message;
    try { message = JSON.parse(text); } catch { return; }
    this.#waiting.set(message.rtp, message);
    if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value);
    if (this.#shown?.rtp !== message.rtp || this.#shown.message) return;
    // It came after its picture, which is still there.
    this.#shown.message = message;
    if (this.#visible) this.#paintBoxes();
    this.#tell();
  }

  clear() {
    this.#waiting.clear();
    this.#shown = null;
    this.#wipe();
  }

  #nextPicture() {
    this.#video.requestVideoFrameCallback((_, picture) => {
      const rtp = picture.rtpTimestamp;
      this.#shown = { rtp, now: picture.expectedDisplayTime, message: this.#waiting.get(rtp) ?? null };
      if (this.#visible) {
        const { x, y, width, height } = this.#area();
        this.#paper.drawImage(this.#video, x, y, width, height);
        this.#paintBoxes();
      }
      this.#tell();
      this.#nextPicture();
    });
  }

  #paintBoxes() {
    for (const found of this.#shown.message?.detections ?? []) draw(this.#paper, found, this.#area());
  }

  #tell() {
    this.onpicture(this.#shown);
    // For whoever scripts the page: what is drawn on which picture.
    this.#video.dispatchEvent(new CustomEvent("framegate-picture", { detail: this.#shown }));
  }

  /** One canvas pixel for each of the screen's; whatever was painted is gone until the next picture. */
  #fit() {
    const scale = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.#canvas.clientWidth * scale);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * scale);
    this.#paper.setTransform(scale, 0, 0, scale, 0, 0);
  }

  #wipe() {
    this.#paper.clearRect(0, 0, this.#canvas.clientWidth, this.#canvas.clientHeight);
  }

  /** Where the picture lies inside its element: `object-fit: contain` leaves bars. */
  #area() {
    const { clientWidth, clientHeight } = this.#canvas;
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight);
    const [width, height] = [videoWidth * scale, videoHeight * scale];
    return { x: (clientWidth - width) / 2, y: (clientHeight - height) / 2, width, height };
  }
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

  // Isolated: a label that is written from right to left does not turn what stands beside it.
  label = `\u2068${label}\u2069`;
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
