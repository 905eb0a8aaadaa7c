// Recordings of one's own: chosen or dropped, sent with progress, kept until deleted.

import { upload } from "./api.js";
import { Failure } from "./failure.js";
import { clear, fail, say } from "./notice.js";
import { size } from "./wording.js";

const part = (id) => document.getElementById(id);

/** Events: `kept`, with the audio as its `detail`. */
export class Recordings extends EventTarget {
  constructor() {
    super();
    /** @type {AbortController | null} */
    this.sending = null;
    /** Largest file that is taken. Unit: bytes. */
    this.limit = Infinity;
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

  /** @param {File | undefined} file */
  async #send(file) {
    if (!file || this.sending) return;
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
      this.dispatchEvent(new CustomEvent("kept", { detail: { ...audio, file_name: file.name } }));
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
