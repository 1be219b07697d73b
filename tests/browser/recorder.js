// Put into the page by the test: keeps what was painted for each picture, and the strip of the
// painted picture that carries its frame number, as luma.
const video = document.querySelector("video");
const canvas = document.querySelector(".boxes");
const strip = new OffscreenCanvas(320, 8).getContext("2d", { willReadFrequently: true });
window.seen = [];
video.addEventListener("framegate-picture", ({ detail: { rtp, message } }) => {
  // A message may come a moment after its picture; the later word on the same picture counts.
  const last = window.seen.at(-1);
  if (last?.rtp === rtp) { last.message = message; return; }
  strip.drawImage(canvas, 0, 0, canvas.width, canvas.height * 0.05, 0, 0, 320, 8);
  const { data } = strip.getImageData(0, 0, 320, 8);
  let luma = "";
  for (let at = 0; at < data.length; at += 4) {
    luma += String.fromCharCode((data[at] * 77 + data[at + 1] * 150 + data[at + 2] * 29) >> 8);
  }
  window.seen.push({ rtp, message, luma: btoa(luma) });
});
