// Recordings of one's own: spoken, chosen or dropped, sent with progress, and kept.

import { upload } from "./api.js";
import { Failure } from "./failure.js";
import { catchFocus, keepFocus } from "./focus.js";
import { Microphone, canRecord } from "./microphone.js";
import { clear, fail, say } from "./notice.js";
import { clock, size } from "./wording.js";

const part = (id) => document.getElementById(id);

/** Events: `kept`, with the audio as its `detail`. */
export class Recordings extends EventTarget {
  constructor() {
    super();
    /** @type {AbortController | null} */
    this.sending = null;
    /** Largest file that is taken. Unit: bytes. */
    this.limit = Infinity;
    /** @type {Microphone | null} */
    this.microphone = null;
    /** Whether what is recorded shall be kept: the answer of whoever recorded it. @type {(keep: boolean) => void} */
    this.decide = () => {};
    /** What could not be sent, and may be sent again. @type {{file: File, seconds: number | null} | null} */
    this.unsent = null;
    part("record").hidden = !canRecord();
    part("record").addEventListener("click", () => this.#record());
    part("record-keep").addEventListener("click", () => this.decide(true));
    part("record-drop").addEventListener("click", () => this.decide(false));
    part("upload-again").addEventListener("click", () => this.#send(this.unsent.file, this.unsent.seconds));
    const drop = part("drop");
    part("file").addEventListener("change", () => this.#send(part("file").files[0]));
    part("upload-stop").addEventListener("click", () => this.sending?.abort());
    for (const name of ["dragover", "dragleave", "drop"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", name === "dragover");
      });
    }
    drop.addEventListener("drop", (event) => this.#send(event.dataTransfer.files[0]));
    for (const name of ["dragover", "drop"]) document.addEventListener(name, stay);
    addEventListener("beforeunload", (event) => this.#losesVoice() && event.preventDefault());
  }

  /** Whether there is a recording that is nowhere but here. */
  #losesVoice() {
    return this.microphone !== null || Boolean(this.unsent?.seconds);
  }

  async #record() {
    // Not disabled while the browser asks: that would take the focus away.
    if (this.asking || this.sending) return;
    clear();
    this.asking = true;
    try {
      this.microphone = await Microphone.open();
      const recorded = await this.#listen(this.microphone);
      if (recorded) await this.#send(recorded.file, recorded.seconds);
    } catch (error) {
      fail(error);
    } finally {
      this.asking = false;
      catchFocus(part("record"));
    }
  }

  /** What was recorded, once somebody says that it shall be kept; null if not. @param {Microphone} microphone */
  async #listen(microphone) {
    this.#listening(microphone);
    void microphone.ended.then(() => this.#ended(microphone));
    const keep = await new Promise((resolve) => (this.decide = resolve));
    this.microphone = null;
    microphone.stop();
    clearInterval(this.ticking);
    part("drop").hidden = false;
    keepFocus(part("recording"), () => (part("recording").hidden = true), part("record"));
    if (!keep) say("The recording was thrown away.");
    return keep ? microphone.recorded() : null;
  }

  /** Full, or pulled out: it still leaves the machine only when somebody says so. @param {Microphone} microphone */
  #ended(microphone) {
    if (this.microphone !== microphone) return;
    clearInterval(this.ticking);
    part("recording").classList.add("ended");
    say("The recording has ended. Keep it, or discard it.");
  }

  /** @param {Microphone} microphone */
  #listening(microphone) {
    const tick = () => (part("record-time").textContent = clock(microphone.seconds));
    tick();
    this.ticking = setInterval(tick, 250);
    part("recording").classList.remove("ended");
    part("recording").hidden = false;
    part("drop").hidden = true;
    part("record-keep").focus();
    say("Recording.");
  }

  /** @param {File | undefined} file @param {number | null} [seconds] its length, if it is known here */
  async #send(file, seconds = null) {
    if (!file || this.sending) return;
    clear();
    if (file.size > this.limit) {
      const message = `${file.name} has ${size(file.size)}; at most ${size(this.limit)} can be kept.`;
      fail(new Failure({ reason: "AUDIO_TOO_LARGE", message }));
      part("file").value = "";
      return;
    }
    this.sending = new AbortController();
    this.unsent = null;
    this.#begin(file.name);
    try {
      const audio = await upload(file, (share) => this.#progress(share), this.sending.signal);
      say(`${file.name} is kept.`);
      this.dispatchEvent(new CustomEvent("kept", { detail: { ...audio, file_name: file.name, duration: audio.duration ?? seconds } }));
    } catch (error) {
      say(error.name === "AbortError" ? "The upload was stopped." : "The upload has failed.");
      // A voice cannot be recorded twice.
      if (error.name === "AbortError" || error.passes) this.unsent = { file, seconds };
      fail(error);
    } finally {
      this.sending = null;
      this.#end();
    }
  }

  #end() {
    part("drop").hidden = false;
    part("upload-again").hidden = this.unsent === null;
    part("upload-again").textContent = this.unsent ? `Send ${this.unsent.file.name} again` : "";
    // The same file can be chosen again.
    part("file").value = "";
    keepFocus(part("upload"), () => (part("upload").hidden = true), part("upload-again"), part("file"));
  }

  /** @param {string} name */
  #begin(name) {
    part("upload-name").textContent = name;
    this.#progress(0);
    part("upload").hidden = false;
    part("drop").hidden = true;
    part("upload-stop").focus();
    say(`${name} is being sent.`);
  }

  /** @param {number} share 0 to 1 */
  #progress(share) {
    part("upload-bar").value = share;
    // All bytes have left; what remains is the service's work.
    part("upload-share").textContent = share < 1 ? `${Math.floor(100 * share)} %` : "is being checked …";
  }
}

/** What is dropped beside the field would be opened in place of the page, and all in it be lost. @param {DragEvent} event */
function stay(event) {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
}
