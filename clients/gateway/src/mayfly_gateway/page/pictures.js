// Pictures of the operators' page, drawn as SVG. The tables beside them say the same in words.

import { PROMISE } from "./state.js";
import { moment } from "./wording.js";

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

/** What each sweep deleted, and how late the latest item was. @param {import("./state.js").Sweep[]} sweeps oldest first */
export function sweepBars(sweeps) {
  const [width, height, base] = [720, 190, 160];
  const step = width / Math.max(12, sweeps.length);
  const totals = sweeps.map((sweep) => sweep.report.lines.reduce((sum, line) => sum + line.deleted, 0));
  const most = Math.max(1, ...totals);
  const svg = picture(width, height, `Of ${sweeps.length} sweeps, each deleted ${Math.min(...totals)} to ${most} items.`);
  const latest = Math.max(PROMISE * 1.15, ...sweeps.map((sweep) => sweep.report.max_lateness_seconds));
  const line = (seconds) => base - (140 * seconds) / latest;
  svg.append(
    draw("path", { class: "promise", d: `M0 ${line(PROMISE)}H${width}` }),
    text(width, line(PROMISE) - 6, "end", "promised: gone within 30 min"),
    draw("path", { class: "axis", d: `M0 ${base}H${width}` }),
  );
  sweeps.forEach((sweep, at) => {
    const x = at * step + step * 0.2;
    const tall = totals[at] ? Math.max(3, (100 * totals[at]) / most) : 0;
    const bar = draw("rect", { class: `sweep ${sweep.state.toLowerCase()}`, x, y: base - tall, width: step * 0.6, height: tall, rx: 2 });
    bar.append(title(`${moment(sweep.start_time)}: ${totals[at]} deleted, ${sweep.state.toLowerCase()}`));
    const late = draw("circle", { class: "late", cx: x + step * 0.3, cy: line(sweep.report.max_lateness_seconds), r: 3 });
    svg.append(bar, late);
  });
  svg.append(text(0, height - 8, "start", time(sweeps[0])), text(step * sweeps.length, height - 8, "end", time(sweeps.at(-1))));
  return svg;
}

/** Certificates, each hung on the one before. @param {import("./state.js").Certificate[]} list oldest first @param {Set<number>} bad */
export function chain(list, bad) {
  const step = 60;
  const told = bad.size ? `The chain is broken at ${[...bad].join(", ")}.` : "The chain is whole.";
  const svg = picture(step * 12, 76, `${list.length} certificates. ${told}`);
  list.forEach((one, at) => {
    const x = at * step;
    const wrong = bad.has(one.sequence);
    if (at) svg.append(draw("path", { class: wrong ? "link broken" : "link", d: `M${x - 8} 26h${16}` }));
    const kind = wrong ? "seal broken" : one.document.proves ? "seal proves" : "seal";
    svg.append(
      draw("rect", { class: kind, x: x + 6, y: 6, width: 44, height: 40, rx: 8 }),
      text(x + 28, 31, "middle", String(one.sequence)),
      text(x + 28, 64, "middle", one.sha256.slice(0, 6)),
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
