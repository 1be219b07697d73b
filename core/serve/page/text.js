// Numbers as people read them. Knows nothing of the page.

const NONE = "–";

/** Milliseconds: `0.42 ms`, `12 ms`, `1.4 s`. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return NONE;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 10) return `${ms.toFixed(0)} ms`;
  return `${ms.toFixed(ms >= 1 ? 1 : 2)} ms`;
}

/** Bits a second: `2.4 Mb/s`, `640 kb/s`. */
export function bitrate(bps) {
  if (!Number.isFinite(bps)) return NONE;
  if (bps >= 999_500) return `${(bps / 1e6).toFixed(1)} Mb/s`;
  return `${(bps / 1e3).toFixed(0)} kb/s`;
}

/** Things a second: `30`, `29.7`, `0.5`. */
export function rate(perSecond) {
  if (!Number.isFinite(perSecond)) return NONE;
  const shown = perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1);
  return shown.endsWith(".0") ? shown.slice(0, -2) : shown;
}

/** A count: `12`, `4.1k`, `2.3M`. */
export function count(number) {
  if (!Number.isFinite(number)) return NONE;
  if (number >= 1e6) return `${(number / 1e6).toFixed(1)}M`;
  if (number >= 1e4) return `${(number / 1e3).toFixed(1)}k`;
  return `${number}`;
}

/** Bytes: `64 MiB`. */
export function bytes(number) {
  if (!Number.isFinite(number)) return NONE;
  const mebi = number / (1024 * 1024);
  return mebi >= 1 ? `${mebi.toFixed(mebi >= 10 ? 0 : 1)} MiB` : `${(number / 1024).toFixed(0)} KiB`;
}

/** How long something has been going: `4 min`, `2 h 10 min`. */
export function uptime(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** A part of a whole: `0`, `0.3%`, `12%`. */
export function share(part, whole) {
  if (!(whole > 0)) return NONE;
  const percent = (100 * part) / whole;
  if (part === 0) return "0";
  return `${percent.toFixed(percent >= 10 ? 0 : percent >= 0.1 ? 1 : 2)}%`;
}
