// What this guest has, newest first.

import { catchFocus, keepFocus } from "./focus.js";
import { remaining, told } from "./life.js";
import { titleOf } from "./title.js";
import { clock, formatName } from "./wording.js";

const part = (id) => document.getElementById(id);

/** Events: `open` and `delete`, each with the audio as its `detail`. */
export class Shelf extends EventTarget {
  /** @param {HTMLUListElement} list @param {HTMLElement} empty shown while there is nothing */
  constructor(list, empty) {
    super();
    this.list = list;
    this.empty = empty;
    /** @type {import("./api.js").Audio[]} */
    this.audios = [];
    setInterval(() => this.#age(), 1000);
  }

  /** @param {import("./api.js").Audio[]} audios newest first */
  show(audios) {
    this.audios = audios.filter((audio) => remaining(audio) > 0);
    keepFocus(this.list, () => this.list.replaceChildren(...this.audios.map((audio) => this.#item(audio))), part("history-title"));
    this.empty.hidden = this.audios.length > 0;
  }

  /** @param {import("./api.js").Audio} audio */
  add(audio) {
    this.remove(audio.token);
    this.audios.unshift(audio);
    this.list.prepend(this.#item(audio));
    this.empty.hidden = true;
    this.current(audio.token);
  }

  /** The others stay as they are, with the focus and the mark of the one that is open. @param {string} token */
  remove(token) {
    const at = this.audios.findIndex((audio) => audio.token === token);
    if (at < 0) return;
    const item = this.list.children[at];
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector(".open");
    this.audios.splice(at, 1);
    keepFocus(item, () => item.remove(), next, part("history-title"));
    this.empty.hidden = this.audios.length > 0;
  }

  /** Takes the focus if nothing has it any more. */
  land() {
    catchFocus(part("history-title"));
  }

  /** @param {string} token of the audio that is open in the player */
  current(token) {
    for (const item of this.list.children) {
      const open = item.querySelector(".open");
      if (item.dataset.token === token) open.setAttribute("aria-current", "true");
      else open.removeAttribute("aria-current");
    }
  }

  /** @param {import("./api.js").Audio} audio */
  #item(audio) {
    const item = document.createElement("li");
    item.dataset.token = audio.token;
    const open = button("open", () => this.dispatchEvent(new CustomEvent("open", { detail: audio })));
    open.append(line("title", titleOf(audio)), line("facts", factsOf(audio)), line("left", told(audio)));
    const remove = button("remove", () => this.dispatchEvent(new CustomEvent("delete", { detail: audio })));
    remove.textContent = "×";
    remove.setAttribute("aria-label", `Delete “${titleOf(audio)}”`);
    item.append(open, remove);
    return item;
  }

  #age() {
    for (const audio of this.audios.filter((one) => remaining(one) <= 0)) this.remove(audio.token);
    this.audios.forEach((audio, at) => {
      this.list.children[at].querySelector(".left").textContent = told(audio);
    });
  }
}

/** @param {import("./api.js").Audio} audio */
function factsOf(audio) {
  const length = audio.duration === null ? "" : `${clock(audio.duration)}, `;
  return length + formatName(audio.format);
}

/** @param {string} name @param {() => void} onClick */
function button(name, onClick) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = name;
  made.addEventListener("click", onClick);
  return made;
}

/** @param {string} name @param {string} text */
function line(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.dir = "auto";
  made.textContent = text;
  return made;
}
