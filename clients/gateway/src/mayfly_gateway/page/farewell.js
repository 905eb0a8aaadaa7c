// Deleting: asked once, done at once, and shown to be done.

import { deletion, remove, statusOf } from "./api.js";
import { fail, say } from "./notice.js";
import { titleOf } from "./title.js";
import { moment, size } from "./wording.js";

const part = (id) => document.getElementById(id);

/** The dialog of a deletion. Events: `deleted`, with the audio as its `detail`, and `closed`. */
export class Farewell extends EventTarget {
  constructor() {
    super();
    this.dialog = part("farewell");
    part("farewell-yes").addEventListener("click", () => this.#delete());
    part("farewell-no").addEventListener("click", () => this.dialog.close());
    part("receipt-again").addEventListener("click", () => this.#again());
    this.dialog.addEventListener("close", () => this.#closed());
  }

  /** @param {import("./api.js").Audio} audio */
  ask(audio) {
    this.audio = audio;
    this.#say("Delete this audio now?", `“\u2068${titleOf(audio)}\u2069” cannot be brought back by anybody.`);
    part("receipt").hidden = part("receipt-file").hidden = part("receipt-again").hidden = true;
    part("farewell-yes").hidden = part("farewell-yes").disabled = false;
    part("farewell-no").textContent = "Keep it";
    this.dialog.showModal();
    part("farewell-no").focus();
  }

  async #delete() {
    const audio = this.audio;
    part("farewell-yes").disabled = true;
    try {
      const told = await remove(audio.token);
      this.dispatchEvent(new CustomEvent("deleted", { detail: audio }));
      await this.#show(audio, told);
    } catch (error) {
      this.#failed(audio, error);
    }
  }

  /** The certificate is written by the next sweep: whoever waits for it can ask. */
  async #again() {
    const audio = this.audio;
    try {
      const told = await deletion(audio.token);
      const message = told.receipt ? told.message : "There is no certificate yet. Ask again in some minutes.";
      await this.#show(audio, { ...told, message, deleted: true, delete_time: this.time });
    } catch (error) {
      this.#failed(audio, error);
    }
  }

  /** Whoever closes the dialog early may see another audio in it by now. @param {import("./api.js").Audio} audio @param {unknown} error */
  #failed(audio, error) {
    if (this.audio === audio) this.dialog.close();
    fail(error);
  }

  #closed() {
    // The event comes late: the dialog may be open again, for another one.
    if (!this.dialog.open) this.audio = null;
    URL.revokeObjectURL(part("receipt-file").href);
    this.dispatchEvent(new Event("closed"));
  }

  /** @param {import("./api.js").Audio} audio @param {import("./api.js").Deletion} told */
  async #show(audio, told) {
    // Believing is good: the page asks the link itself, as anybody who has it could.
    const answer = await statusOf(audio.link);
    // Closed by now, or asking about another one: that one is not gone.
    if (this.audio !== audio) return say(`“${titleOf(audio)}” is gone.`);
    this.time = told.delete_time;
    this.#say("It is gone.", told.deleted ? told.message : `It had gone before you asked. ${told.message}`);
    part("receipt").replaceChildren(
      ...(told.delete_time ? row("Deleted", moment(told.delete_time)) : []),
      ...row("Size", size(audio.size_bytes)),
      ...row("Its link", answer === 410 ? "answers 410, gone" : answer ? `answers ${answer}` : "could not be asked"),
      ...row("Certificate", told.receipt ? certificate(told.receipt) : "a sweep will write it"),
    );
    this.#offer({ audio: audio.token, size_bytes: audio.size_bytes, link_answers: answer, ...told });
    part("receipt").hidden = part("receipt-file").hidden = false;
    part("receipt-again").hidden = told.receipt !== null;
    part("farewell-yes").hidden = true;
    part("farewell-no").textContent = "Close";
    part("farewell-title").focus();
  }

  /** @param {Record<string, unknown>} receipt */
  #offer(receipt) {
    const file = new Blob([`${JSON.stringify(receipt, null, 2)}\n`], { type: "application/json" });
    URL.revokeObjectURL(part("receipt-file").href);
    part("receipt-file").href = URL.createObjectURL(file);
    part("receipt-file").download = "mayfly-receipt.json";
  }

  /** @param {string} title @param {string} text */
  #say(title, text) {
    part("farewell-title").textContent = title;
    part("farewell-told").textContent = text;
  }
}

/** @param {NonNullable<import("./api.js").Deletion["receipt"]>} receipt */
function certificate({ certificate: number, verified, certificate_sha256: sha256 }) {
  return `number ${number}${verified ? ", verified by the store" : ""}; SHA-256 ${sha256.slice(0, 16)}…`;
}

/** @param {string} term @param {string} text */
function row(term, text) {
  const [name, value] = [document.createElement("dt"), document.createElement("dd")];
  name.textContent = term;
  value.textContent = text;
  return [name, value];
}
