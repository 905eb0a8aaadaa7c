// Speech that is heard while it is still being made: PCM through WebAudio, one piece behind the other.

/** Time for the first piece to be scheduled in; less, and its beginning is cut off. Unit: seconds. */
const HEAD_START = 0.06;

/**
 * Plays what has come so far, and waits where nothing has come yet.
 *
 * Events: `change` when it starts or stops, `ended` after the last sample of the last piece.
 */
export class LivePlayback extends EventTarget {
  /** @param {AudioContext} context made in the click that asked for speech: browsers let no other one sound */
  constructor(context) {
    super();
    this.context = context;
    /** @type {AudioBuffer[]} */
    this.buffers = [];
    /** @type {Set<AudioBufferSourceNode>} */
    this.sources = new Set();
    this.duration = 0;
    this.complete = false;
    this.over = false;
    /** Time of the context at which position 0 was, or would have been, heard. */
    this.origin = -Infinity;
    this.paused = false;
  }

  /** What is heard now. Unit: seconds. */
  get position() {
    if (this.over) return this.duration;
    // What the context has rendered is heard later: with wireless headphones, by a word.
    const heard = this.context.currentTime - (this.context.outputLatency || 0);
    return Math.min(this.duration, Math.max(0, heard - this.origin));
  }

  /** @param {Float32Array} samples @param {number} sampleRate hertz */
  append(samples, sampleRate) {
    if (!samples.length) return;
    const buffer = this.context.createBuffer(1, samples.length, sampleRate);
    buffer.copyToChannel(samples, 0);
    // Late: the listener has heard all there was. What was the future moves with the gap.
    if (this.origin + this.duration < this.context.currentTime) {
      this.origin = this.context.currentTime + HEAD_START - this.duration;
    }
    this.#schedule(buffer, this.origin + this.duration);
    this.buffers.push(buffer);
    this.duration += buffer.duration;
  }

  /** Nothing more will come. */
  end() {
    this.complete = true;
    if (!this.sources.size) this.#finish();
  }

  async play() {
    this.paused = false;
    if (this.over) this.seek(0);
    await this.context.resume();
    this.dispatchEvent(new Event("change"));
  }

  async pause() {
    this.paused = true;
    await this.context.suspend();
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.#silence();
    this.over = false;
    const earliest = this.context.currentTime + HEAD_START;
    this.origin = earliest - seconds;
    let at = 0;
    for (const buffer of this.buffers) {
      const within = Math.max(0, seconds - at);
      if (within < buffer.duration) this.#schedule(buffer, Math.max(earliest, this.origin + at), within);
      at += buffer.duration;
    }
    if (this.complete && !this.sources.size) this.#finish();
  }

  close() {
    this.#silence();
    this.over = this.paused = true;
    if (this.context.state !== "closed") void this.context.close();
  }

  /** @param {AudioBuffer} buffer @param {number} at when it shall sound, time of the context @param {number} [from] seconds */
  #schedule(buffer, at, from = 0) {
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    source.onended = () => this.#ended(source);
    this.sources.add(source);
    source.start(at, from);
  }

  /** @param {AudioBufferSourceNode} source */
  #ended(source) {
    this.sources.delete(source);
    if (this.complete && !this.sources.size) this.#finish();
  }

  #finish() {
    if (this.over) return;
    this.over = true;
    this.paused = true;
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("ended"));
  }

  #silence() {
    for (const source of this.sources) {
      source.onended = null;
      source.stop();
    }
    this.sources.clear();
  }
}
