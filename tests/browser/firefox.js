// Opens a page of ours in Firefox and prints what it saw of a second of pictures, as JSON.
//
//   node firefox.js PUPPETEER URL SCREENSHOT

const [puppeteer, url, screenshot] = process.argv.slice(2);

// For calls Firefox takes H.264 from a decoder that it fetches from its maker, or from one in hardware. Told
// that it has one, it takes the system's ffmpeg instead, as it does for any other video.
const prefs = {
  "media.webrtc.hw.h264.enabled": true,
  "gfx.blacklist.webrtc.hw.acceleration.h264": 1,
  "media.navigator.mediadatadecoder_h264_enabled": true,
  "media.autoplay.default": 0,
};

function watched() {
  return new Promise((done) => {
    const pictures = [];
    document.querySelector("video").addEventListener("framegate-picture", ({ detail: { rtp, message } }) => {
      pictures.push({ rtp, sequence: message?.sequence, of: message?.rtp, found: message?.detections.length });
      if (pictures.length === 30) done(pictures);
    });
  });
}

(async () => {
  const browser = await require(puppeteer).launch({
    browser: "firefox",
    executablePath: "/usr/bin/firefox-esr",
    headless: true,
    timeout: 90_000,
    extraPrefsFirefox: prefs,
  });
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: 1360, height: 1000 });
    await page.goto(url);
    await page.waitForFunction(() => document.querySelector(".stage")?.dataset.state === "live", { timeout: 90_000 });
    const pictures = await page.evaluate(watched);
    const width = await page.evaluate(() => document.querySelector("video").videoWidth);
    await page.screenshot({ path: screenshot });
    console.log(JSON.stringify({ pictures, width }));
  } finally {
    await browser.close();
  }
})();
