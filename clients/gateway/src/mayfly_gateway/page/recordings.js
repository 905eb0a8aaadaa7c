// Recordings of one's own: spoken, chosen or dropped, sent with progress, and kept.

import { upload } from "./api.js";
import { Failure } from "./failure.js";
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
    part("record").hidden = !canRecord();
    part("record").addEventListener("click", () => this.#record());
    part("record-keep").addEventListener("click", () => this.microphone?.stop());
    part("record-drop").addEventListener("click", () => this.#discard());
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
  }

  async #record() {
    clear();
    part("record").disabled = true;
    try {
      this.microphone = await Microphone.open();
      this.#listening(this.microphone);
      const { file, seconds } = await this.microphone.recorded();
      if (this.microphone) await this.#send(file, seconds);
    } catch (error) {
      fail(error);
    } finally {
      clearInterval(this.ticking);
      this.microphone = null;
      part("recording").hidden = true;
      part("drop").hidden = part("record").disabled = false;
    }
  }

  /** @param {Microphone} microphone */
  #listening(microphone) {
    const tick = () => (part("record-time").textContent = clock(microphone.seconds));
    tick();
    this.ticking = setInterval(tick, 250);
    part("recording").hidden = false;
    part("drop").hidden = true;
    part("record-keep").focus();
    say("Recording.");
  }

  #discard() {
    const microphone = this.microphone;
    // Nobody's any more: what it still hears is sent to nobody.
    this.microphone = null;
    microphone?.stop();
    say("The recording was thrown away.");
  }

  /** @param {File | undefined} file @param {number | null} [seconds] its length, if it is known here */
  async #send(file, seconds = null) {
    if (!file || this.sending) return;
    part("recording").hidden = true;
    clear();
    if (file.size > this.limit) {
      const message = `${file.name} has ${size(file.size)}; at most ${size(this.limit)} can be kept.`;
      fail(new Failure({ reason: "AUDIO_TOO_LARGE", message }));
      part("file").value = "";
      return;
    }
    this.sending = new AbortController();
    this.#begin(file.name);
    try {
      const audio = await upload(file, (share) => this.#progress(share), this.sending.signal);
      say(`${file.name} is kept.`);
      this.dispatchEvent(new CustomEvent("kept", { detail: { ...audio, file_name: file.name, duration: audio.duration ?? seconds } }));
    } catch (error) {
      say(error.name === "AbortError" ? "The upload was stopped." : "The upload has failed.");
      fail(error);
    } finally {
      this.sending = null;
      part("upload").hidden = true;
      part("drop").hidden = false;
      // The same file can be chosen again.
      part("file").value = "";
      part("file").focus();
    }
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
