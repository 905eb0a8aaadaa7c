// 16-bit PCM, as the service streams it, and its picture.

/** Reads a stream of WAV, or of bare samples, piece by piece; pieces may end anywhere. */
export class PcmReader {
  constructor() {
    this.rest = new Uint8Array();
    this.begun = false;
  }

  /**
   * The whole samples that are there by now, between -1 and 1.
   *
   * @param {string} base64
   * @returns {Float32Array}
   */
  samples(base64) {
    const bytes = join(this.rest, bytesOf(base64));
    const begin = this.begun ? 0 : dataBegin(bytes);
    if (begin < 0) {
      this.rest = bytes;
      return new Float32Array();
    }
    this.begun = true;
    const view = new DataView(bytes.buffer, begin);
    const samples = new Float32Array(view.byteLength >> 1);
    for (let at = 0; at < samples.length; at += 1) samples[at] = view.getInt16(2 * at, true) / 32768;
    this.rest = bytes.slice(begin + 2 * samples.length);
    return samples;
  }
}

/** @param {string} base64 */
function bytesOf(base64) {
  const text = atob(base64);
  // A loop: `Uint8Array.from` with a function takes ten times as long, and minutes of speech come within a second.
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** @param {Uint8Array} first @param {Uint8Array} second */
function join(first, second) {
  if (!first.length) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Where the samples begin; 0 if this is no WAV, -1 if its header is not whole yet. @param {Uint8Array} bytes */
function dataBegin(bytes) {
  const view = new DataView(bytes.buffer);
  const name = (at) => (bytes.length < at + 4 ? "" : String.fromCharCode(...bytes.subarray(at, at + 4)));
  if (bytes.length < 4) return -1;
  if (name(0) !== "RIFF") return 0;
  for (let at = 12; bytes.length >= at + 8; at += 8 + view.getUint32(at + 4, true)) {
    if (name(at) === "data") return at + 8;
  }
  return -1;
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
  const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 0.001);
  return Array.from({ length: count }, (_, at) => {
    const from = Math.floor((at * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((at + 1) * peaks.length) / count));
    return Math.max(0, ...peaks.slice(from, to)) / loudest;
  });
}
