// Deleting: asked once, done at once, and shown to be done.

import { remove, statusOf } from "./api.js";
import { fail } from "./notice.js";
import { titleOf } from "./shelf.js";
import { moment, size } from "./wording.js";

const part = (id) => document.getElementById(id);

/** The dialog of a deletion. Events: `deleted`, with the audio as its `detail`. */
export class Farewell extends EventTarget {
  constructor() {
    super();
    this.dialog = part("farewell");
    part("farewell-yes").addEventListener("click", () => this.#delete());
    part("farewell-no").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => URL.revokeObjectURL(part("receipt-file").href));
  }

  /** @param {import("./api.js").Audio} audio */
  ask(audio) {
    this.audio = audio;
    this.#say("Delete this audio now?", `“${titleOf(audio)}” cannot be brought back, by nobody.`);
    part("receipt").hidden = part("receipt-file").hidden = true;
    part("farewell-yes").hidden = part("farewell-yes").disabled = false;
    part("farewell-no").textContent = "Keep it";
    this.dialog.showModal();
    part("farewell-no").focus();
  }

  async #delete() {
    part("farewell-yes").disabled = true;
    try {
      const receipt = await remove(this.audio.token);
      // Believing is good: the page asks the link itself, as anybody who has it could.
      await this.#show({ ...receipt, link_answers: await statusOf(this.audio.link) });
      this.dispatchEvent(new CustomEvent("deleted", { detail: this.audio }));
    } catch (error) {
      this.dialog.close();
      fail(error);
    }
  }

  /** @param {Record<string, any>} receipt */
  async #show(receipt) {
    const gone = receipt.link_answers === 410 || receipt.link_answers === 404;
    this.#say("It is gone.", receipt.deleted === false ? "It had gone before you asked." : "This is the receipt of its deletion.");
    part("receipt").replaceChildren(
      ...row("Audio", receipt.token ?? this.audio.token),
      ...row("Deleted", moment(receipt.delete_time ?? new Date().toISOString())),
      ...row("Size", size(receipt.size_bytes ?? this.audio.size_bytes)),
      ...row("Its link", gone ? `answers ${receipt.link_answers}: gone` : `answers ${receipt.link_answers}`),
      ...(receipt.certificate ? row("Certificate", `number ${receipt.certificate}`) : row("Certificate", "the next sweep names it")),
    );
    const file = new Blob([`${JSON.stringify(receipt, null, 2)}\n`], { type: "application/json" });
    part("receipt-file").href = URL.createObjectURL(file);
    part("receipt-file").download = "mayfly-receipt.json";
    part("receipt").hidden = part("receipt-file").hidden = false;
    part("farewell-yes").hidden = true;
    part("farewell-no").textContent = "Close";
    part("farewell-title").focus();
  }

  /** @param {string} title @param {string} text */
  #say(title, text) {
    part("farewell-title").textContent = title;
    part("farewell-told").textContent = text;
  }
}

/** @param {string} term @param {string} text */
function row(term, text) {
  const [name, value] = [document.createElement("dt"), document.createElement("dd")];
  name.textContent = term;
  value.textContent = text;
  return [name, value];
}
