// 16-bit PCM, as the service streams it, and its picture.

/**
 * Samples between -1 and 1 of base64 text with little-endian 16-bit PCM.
 *
 * @param {string} base64
 * @returns {Float32Array}
 */
export function samplesOf(base64) {
  const text = atob(base64);
  const view = new DataView(new ArrayBuffer(text.length));
  for (let at = 0; at < text.length; at += 1) view.setUint8(at, text.charCodeAt(at));
  const samples = new Float32Array(text.length >> 1);
  for (let at = 0; at < samples.length; at += 1) samples[at] = view.getInt16(2 * at, true) / 32768;
  return samples;
}

/** Gathers the loudest sample of each fiftieth of a second, so that a picture costs the same for any length. */
export class Peaks {
  /** @param {number} sampleRate */
  constructor(sampleRate) {
    this.step = Math.max(1, Math.round(sampleRate / 50));
    /** @type {number[]} */
    this.values = [];
    this.seen = 0;
  }

  /** @param {Float32Array} samples */
  add(samples) {
    for (const sample of samples) {
      const slot = Math.floor(this.seen / this.step);
      this.values[slot] = Math.max(this.values[slot] ?? 0, Math.abs(sample));
      this.seen += 1;
    }
  }
}

/**
 * As many bars as asked for, each the loudest of what it stands for, the loudest of all at 1.
 *
 * @param {number[]} peaks
 * @param {number} count
 * @returns {number[]}
 */
export function bars(peaks, count) {
  const loudest = Math.max(...peaks, 0.001);
  return Array.from({ length: count }, (_, at) => {
    const from = Math.floor((at * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((at + 1) * peaks.length) / count));
    return Math.max(0, ...peaks.slice(from, to)) / loudest;
  });
}
