// The player: one audio at a time, first as it is made, then as it is kept.

import { captionsLink, fileLink, made, now } from "./api.js";
import { keepFocus } from "./focus.js";
import { LivePlayback } from "./live-playback.js";
import { remaining, share, told } from "./life.js";
import { Peaks } from "./pcm.js";
import { SpokenText } from "./spoken-text.js";
import { StoredPlayback } from "./stored-playback.js";
import { Waveform } from "./waveform.js";
import { titleOf } from "./title.js";
import { clock, formatName, spokenTime } from "./wording.js";
import { textOf } from "./words.js";

const part = (id) => document.getElementById(id);

/**
 * Events: `delete` when its audio shall go, `gone` when its time is over, `heard` when it sounds for the first time,
 * `failed` when it cannot be played, `refused` when it cannot be saved, with the failure as its `detail`, `told` with a sentence
 * for the reader.
 */
export class Player extends EventTarget {
  constructor() {
    super();
    /** What audio can be had in; the service tells. @type {string[]} */
    this.formats = [];
    this.root = part("player");
    this.seekbar = part("seek");
    this.waveform = new Waveform(part("wave"));
    this.spoken = new SpokenText(part("spoken"), (seconds) => this.seek(seconds));
    /** @type {LivePlayback | StoredPlayback | null} */
    this.playback = null;
    /** @type {import("./api.js").Audio | null} */
    this.audio = null;
    part("play").addEventListener("click", () => this.toggle());
    this.seekbar.addEventListener("input", () => this.seek(Number(this.seekbar.value)));
    this.seekbar.addEventListener("keydown", (event) => this.#step(event));
    part("delete").addEventListener("click", () => this.dispatchEvent(new Event("delete")));
    part("copy").addEventListener("click", () => this.#copy());
    setInterval(() => this.#age(), 1000);
  }

  /** Begins with a text whose speech is on its way. @param {string} text @param {AudioContext} context */
  begin(text, context) {
    this.#leave();
    this.text = text;
    this.#enter();
    this.root.classList.add("making");
    this.spoken.show(text, []);
    this.waveform.show([]);
    this.#use(new LivePlayback(context));
  }

  /** @param {number} sampleRate hertz */
  header(sampleRate) {
    this.peaks = new Peaks(sampleRate);
  }

  /** @param {Float32Array} samples @param {number} sampleRate hertz */
  hear(samples, sampleRate) {
    this.peaks.add(samples);
    this.playback.append(samples, sampleRate);
    this.#grow();
  }

  /** @param {import("./words.js").Word[]} words */
  say(words) {
    this.spoken.add(words);
  }

  /** The speech is kept: from here on it can be fetched, too. @param {import("./api.js").Audio} audio */
  keep(audio) {
    this.#own({ ...audio, text: this.text });
    this.playback.end();
  }

  /** Shows an audio that is kept. @param {import("./api.js").Audio} audio */
  open(audio) {
    this.#leave();
    const words = audio.words ?? [];
    this.#enter();
    this.waveform.show(audio.peaks ?? []);
    this.spoken.show(audio.text || textOf(words) || titleOf(audio), words);
    this.#own(audio);
    this.#use(new StoredPlayback(part("sound"), audio.link, audio.duration));
  }

  async toggle() {
    if (!this.playback || this.over) return;
    if (!this.playback.paused) return this.playback.pause();
    this.#hand();
    return this.playback.play();
  }

  /** @param {number} seconds */
  seek(seconds) {
    if (this.over) return;
    const playing = !this.playback.paused;
    this.#hand();
    this.playback.seek(seconds);
    if (playing && this.playback.paused) void this.playback.play();
    this.#draw();
  }

  /** Nothing is open any more. */
  close() {
    keepFocus(this.root, () => {
      this.#leave();
      this.root.hidden = true;
    }, part("speak"));
  }

  /** Whether its time ended while it was open. */
  get over() {
    return this.root.classList.contains("over");
  }

  /** Whether something is heard, or will be as soon as it comes. */
  get sounds() {
    return this.playback !== null && !this.playback.paused;
  }

  #leave() {
    this.playback?.close();
    this.playback = null;
    this.audio = null;
    this.root.classList.remove("making", "over", "playing");
    part("play").disabled = this.seekbar.disabled = false;
    part("life").hidden = part("actions").hidden = part("link-field").hidden = true;
  }

  /** Shows what has come by now. Once in a frame: a long text comes faster than it can be drawn piece by piece. */
  #grow() {
    this.growing ??= requestAnimationFrame(() => {
      this.growing = undefined;
      if (!(this.playback instanceof LivePlayback)) return;
      if (!this.audio) this.waveform.show(this.peaks.values);
      this.#length();
    });
  }

  #enter() {
    this.root.hidden = false;
    this.root.scrollIntoView({ block: "nearest" });
  }

  /** Arrows go as far as one hears; the slider's own step is that of a pointer. @param {KeyboardEvent} event */
  #step(event) {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!way || !this.playback) return;
    event.preventDefault();
    const { position, duration } = this.playback;
    this.seek(Math.min(duration, Math.max(0, position + way * Math.max(1, duration / 20))));
  }

  /** What was heard live is played from the stored file the next time, as that can be sought in any browser. */
  #hand() {
    if (!(this.playback instanceof LivePlayback) || !this.audio) return;
    const position = this.playback.over ? 0 : this.playback.position;
    this.playback.close();
    this.#use(new StoredPlayback(part("sound"), this.audio.link, this.audio.duration));
    this.playback.seek(position);
  }

  /** @param {LivePlayback | StoredPlayback} playback */
  #use(playback) {
    this.playback = playback;
    playback.addEventListener("change", () => this.#changed());
    playback.addEventListener("ended", () => this.#changed());
    playback.addEventListener("length", () => this.#length());
    playback.addEventListener("failed", () => this.dispatchEvent(new Event("failed")));
    this.#length();
    this.#changed();
  }

  /** @param {import("./api.js").Audio} audio */
  #own(audio) {
    this.audio = audio;
    this.root.classList.remove("making");
    part("life").hidden = part("actions").hidden = false;
    part("downloads").replaceChildren(...this.formats.map((format) => this.#entry(formatName(format), fileLink(audio.token, format))));
    part("captions").replaceChildren(...["srt", "vtt", "json"].map((kind) => this.#entry(kind.toUpperCase(), captionsLink(audio.token, kind))));
    part("captions-menu").hidden = !audio.words?.length;
    if (audio.peaks?.length) this.waveform.show(audio.peaks);
    this.#age();
  }

  #heard() {
    if (!this.audio || this.counted === this.audio.token) return;
    this.counted = this.audio.token;
    this.dispatchEvent(new Event("heard"));
  }

  #changed() {
    const playing = !this.playback.paused;
    part("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.root.classList.toggle("playing", playing);
    cancelAnimationFrame(this.frame);
    this.#draw();
    if (playing) this.#follow();
  }

  #follow() {
    this.frame = requestAnimationFrame(() => {
      if (!this.playback) return;
      this.#draw();
      this.#follow();
    });
  }

  #draw() {
    const { position, duration } = this.playback;
    if (!this.playback.paused && position > 0) this.#heard();
    this.seekbar.value = String(position);
    this.seekbar.setAttribute("aria-valuetext", `${spokenTime(position)} of ${spokenTime(duration)}`);
    part("position").textContent = clock(position);
    this.waveform.hear(duration ? position / duration : 0);
    this.spoken.hear(this.playback.paused && position === 0 ? -1 : position);
  }

  #length() {
    this.seekbar.max = String(this.playback.duration);
    part("duration").textContent = clock(this.playback.duration);
  }

  #age() {
    if (!this.audio) return;
    const over = remaining(this.audio) <= 0;
    part("life-told").textContent = over ? "Its time is over. Nobody can hear it any more." : told(this.audio);
    part("life-left").style.width = `${(100 * share(this.audio)).toFixed(2)}%`;
    if (!over || this.over) return;
    keepFocus(this.root, () => this.#end(), part("player-title"));
    this.dispatchEvent(new CustomEvent("gone", { detail: { at: now() } }));
  }

  /** Nothing of it stays, not even what the browser has of it: keys of a keyboard can play that, too. */
  #end() {
    this.root.classList.add("over");
    this.playback.close();
    this.#changed();
    part("play").disabled = this.seekbar.disabled = true;
    part("actions").hidden = part("link-field").hidden = true;
  }

  /** @param {string} text @param {string} href */
  #entry(text, href) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = href;
    link.download = "";
    link.textContent = text;
    link.addEventListener("click", (event) => this.#save(event, link));
    item.append(link);
    return item;
  }

  /**
   * Saves a file when it is made. Whoever asks the browser for more than that, as a tab of its own, gets it.
   *
   * @param {MouseEvent} event
   * @param {HTMLAnchorElement} link
   */
  async #save(event, link) {
    if (!event.isTrusted || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    try {
      await made(link.href);
      link.click();
    } catch (error) {
      this.dispatchEvent(new CustomEvent("refused", { detail: error }));
    } finally {
      link.ariaBusy = null;
    }
  }

  async #copy() {
    const link = new URL(this.audio.link, location.origin).href;
    try {
      await navigator.clipboard.writeText(link);
      this.dispatchEvent(new CustomEvent("told", { detail: "The link is copied. It works until the audio is gone." }));
    } catch {
      // Browsers lend the clipboard to secure pages only; then the reader copies it by hand.
      part("link-field").hidden = false;
      part("link").value = link;
      part("link").focus();
      part("link").select();
    }
  }
}
