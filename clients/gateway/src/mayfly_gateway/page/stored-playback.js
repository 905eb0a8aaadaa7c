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
    /** Whether the file was ever there. */
    this.known = false;
    /** Whether it shall be heard: an element that fails says only that it is paused. */
    this.wanted = false;
    /** Where it broke last. Unit: seconds. */
    this.brokeAt = -Infinity;
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
    element.addEventListener("loadedmetadata", () => (this.known = true), { signal });
    element.addEventListener("pause", () => (this.wanted = !element.paused), { signal });
    element.addEventListener("error", () => this.#broken(), { signal });
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
    this.wanted = true;
    // An element that has failed plays nothing until it is loaded anew.
    if (this.element.error) this.#reload();
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

  /** A signed link ends long before its audio, and whoever pauses that long gets the next one: once at each place. */
  #broken() {
    const at = this.position;
    const again = this.known && at > this.brokeAt + 1;
    this.brokeAt = at;
    if (!again) return void this.dispatchEvent(new Event("failed"));
    this.#reload();
    if (this.wanted) void this.play();
  }

  /** Asks the stable link once more, and stays where it was. */
  #reload() {
    const at = this.element.currentTime;
    this.element.load();
    this.element.currentTime = at;
  }

  close() {
    this.listening.abort();
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
  }
}
