// The picture of a sound, as one path of SVG: it scales with the page and follows its colours.

import { bars } from "./pcm.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 64;
const COUNT = 120;

/** Bars, those that were heard in another colour. */
export class Waveform {
  /** @param {SVGSVGElement} svg */
  constructor(svg) {
    const clip = make("clipPath", { id: "heard-clip" });
    this.heard = make("rect", { x: 0, y: 0, width: 0, height: HEIGHT });
    clip.append(this.heard);
    this.all = make("path", { class: "wave-all" });
    this.past = make("path", { class: "wave-past", "clip-path": "url(#heard-clip)" });
    svg.replaceChildren(clip, this.all, this.past);
  }

  /** @param {number[]} peaks */
  show(peaks) {
    const path = peaks.length ? outline(bars(peaks, COUNT)) : "";
    this.all.setAttribute("d", path);
    this.past.setAttribute("d", path);
  }

  /** @param {number} share heard of it, 0 to 1 */
  hear(share) {
    this.heard.setAttribute("width", (WIDTH * share).toFixed(1));
  }
}

/** @param {number[]} heights 0 to 1 */
function outline(heights) {
  const step = WIDTH / heights.length;
  return heights
    .map((height, at) => {
      // The root lifts what is quiet, as the ear does.
      const tall = Math.max(2, Math.sqrt(height) * (HEIGHT - 6));
      const x = (at * step + step * 0.22).toFixed(2);
      return `M${x} ${((HEIGHT - tall) / 2).toFixed(1)}h${(step * 0.56).toFixed(2)}v${tall.toFixed(1)}h-${(step * 0.56).toFixed(2)}z`;
    })
    .join("");
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
