// Pictures of the operators' page, drawn as SVG. The tables beside them say the same in words.

import { PROMISE } from "./state.js";
import { about, moment } from "./wording.js";

const WIDTH = 960;
const LATE_BASE = 100;
const BASE = 206;
const SVG = "http://www.w3.org/2000/svg";

/** A collection's share of all bytes. @param {import("./state.js").Usage} one @param {import("./state.js").Usage[]} all */
export function storedBars(one, all) {
  const most = Math.max(1, ...all.map((other) => other.size_bytes));
  const svg = picture(160, 12, "");
  svg.classList.add("bar");
  svg.append(
    draw("rect", { class: "ground", width: 160, height: 12, rx: 3 }),
    // Something is never drawn as nothing.
    draw("rect", { class: "fill", width: Math.max(one.size_bytes ? 3 : 0, (160 * one.size_bytes) / most), height: 12, rx: 3 }),
  );
  return svg;
}

/** How late each sweep was, above; what it deleted, below. @param {import("./state.js").Sweep[]} sweeps oldest first */
export function sweepBars(sweeps) {
  const totals = sweeps.map((sweep) => sweep.report.lines.reduce((sum, line) => sum + line.deleted, 0));
  const [most, worst] = [Math.max(1, ...totals), Math.max(...sweeps.map((sweep) => sweep.report.max_lateness_seconds))];
  const told = `${sweeps.length} sweeps. Each deleted at most ${most} items, at most ${about(1000 * worst)} after their time.`;
  const svg = picture(WIDTH, 232, told);
  const step = WIDTH / Math.max(12, sweeps.length);
  // The promise lies at the top, unless it was broken: then it shows by how much.
  const late = (seconds) => LATE_BASE - (70 * seconds) / Math.max(PROMISE, worst);
  svg.append(
    draw("path", { class: "axis", d: `M0 ${LATE_BASE}H${WIDTH}M0 ${BASE}H${WIDTH}` }),
    draw("path", { class: "promise", d: `M0 ${late(PROMISE)}H${WIDTH}` }),
    text(0, late(PROMISE) - 6, "start", "promised: gone within 30 min"),
    ...sweeps.map((sweep, at) => stalk(sweep, step * (at + 0.5), late(sweep.report.max_lateness_seconds))),
    ...sweeps.map((sweep, at) => bar(sweep, step * at + step * 0.2, step * 0.6, totals[at] && Math.max(3, (80 * totals[at]) / most))),
    text(0, 226, "start", time(sweeps[0])),
    text(step * sweeps.length, 226, "end", time(sweeps.at(-1))),
  );
  return svg;
}

/** @param {import("./state.js").Sweep} sweep @param {number} x @param {number} y */
function stalk(sweep, x, y) {
  const made = draw("g", { class: "late" });
  made.append(draw("path", { d: `M${x} ${LATE_BASE}V${y}` }), draw("circle", { cx: x, cy: y, r: 3 }));
  made.append(title(`${moment(sweep.start_time)}: at most ${about(1000 * sweep.report.max_lateness_seconds)} late`));
  return made;
}

/** @param {import("./state.js").Sweep} sweep @param {number} x @param {number} width @param {number} tall */
function bar(sweep, x, width, tall) {
  const made = draw("rect", { class: `sweep ${sweep.state.toLowerCase()}`, x, y: BASE - tall, width, height: tall, rx: 2 });
  made.append(title(`${moment(sweep.start_time)}: ${sweep.state.toLowerCase()}`));
  return made;
}

/** Certificates, each hung on the one before. @param {import("./state.js").Certificate[]} list oldest first @param {Set<number>} bad */
export function chain(list, bad) {
  const step = WIDTH / 12;
  const told = bad.size ? `The chain is broken at ${[...bad].join(", ")}.` : "The chain is whole.";
  const svg = picture(WIDTH, 76, `${list.length} certificates. ${told}`);
  list.forEach((one, at) => {
    const x = at * step;
    const wrong = bad.has(one.sequence);
    if (at) svg.append(draw("path", { class: wrong ? "link broken" : "link", d: `M${x - 18} 26h34` }));
    const kind = wrong ? "seal broken" : one.document.proves ? "seal proves" : "seal";
    svg.append(
      draw("rect", { class: kind, x: x + 16, y: 6, width: 46, height: 40, rx: 8 }),
      text(x + 39, 31, "middle", String(one.sequence)),
      text(x + 39, 64, "middle", one.sha256.slice(0, 6)),
    );
  });
  return svg;
}

/** @param {import("./state.js").Sweep} sweep */
function time(sweep) {
  return new Date(sweep.start_time).toLocaleTimeString(undefined, { timeStyle: "short" });
}

/** @param {number} width @param {number} height @param {string} told what it shows, empty if the text beside says it */
function picture(width, height, told) {
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}` });
  if (told) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", told);
  } else svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** @param {string} content */
function title(content) {
  const made = draw("title", {});
  made.textContent = content;
  return made;
}

/** @param {number} x @param {number} y @param {string} anchor @param {string} content */
function text(x, y, anchor, content) {
  const made = draw("text", { x, y, "text-anchor": anchor });
  made.textContent = content;
  return made;
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function draw(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
