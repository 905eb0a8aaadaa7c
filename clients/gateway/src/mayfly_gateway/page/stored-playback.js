// The stored file in an <audio>, with the same words as the live playback has.

/**
 * Events: `change` when it starts or stops, `ended`, `length` when its length is known, and `failed` if the file cannot be
 * had or played.
 */
export class StoredPlayback extends EventTarget {
  /**
   * @param {HTMLAudioElement} element
   * @param {string} link
   * @param {number | null} duration seconds, as the service measured it; if nobody did, the file tells
   */
  constructor(element, link, duration) {
    super();
    this.element = element;
    this.measured = duration;
    this.listening = new AbortController();
    const { signal } = this.listening;
    element.src = link;
    for (const name of ["play", "pause", "seeked"]) {
      element.addEventListener(name, () => this.dispatchEvent(new Event("change")), { signal });
    }
    for (const name of duration === null ? ["durationchange", "timeupdate"] : []) {
      element.addEventListener(name, () => this.dispatchEvent(new Event("length")), { signal });
    }
    element.addEventListener("ended", () => this.dispatchEvent(new Event("ended")), { signal });
    element.addEventListener("error", () => this.dispatchEvent(new Event("failed")), { signal });
  }

  /** Unit: seconds. Of a file that does not tell, as those of microphones, what was heard so far. */
  get duration() {
    if (this.measured !== null) return this.measured;
    return Number.isFinite(this.element.duration) ? this.element.duration : this.element.currentTime;
  }

  /** Unit: seconds. */
  get position() {
    return Math.min(this.element.currentTime, this.duration);
  }

  get paused() {
    return this.element.paused;
  }

  async play() {
    try {
      await this.element.play();
    } catch (error) {
      // AbortError: paused or replaced before it began. Everything else is told by the element's own error event.
      if (error.name === "NotAllowedError") this.dispatchEvent(new Event("change"));
    }
  }

  async pause() {
    this.element.pause();
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.element.currentTime = seconds;
  }

  close() {
    this.listening.abort();
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
  }
}
