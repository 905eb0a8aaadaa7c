// Where a text and the way to speak it are chosen.

import { voiceName } from "./wording.js";

const part = (id) => document.getElementById(id);

const EXAMPLE =
  "The river is quiet tonight. A mayfly rises from the water, and has one evening to dance. By morning, nothing of it is left.";

/** Events: `speak` with the order as its `detail`, `stop` when what is spoken shall be spoken no further. */
export class Composer extends EventTarget {
  constructor() {
    super();
    this.form = part("composer");
    this.text = part("text");
    this.busy = false;
    this.limit = Infinity;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.text.addEventListener("input", () => this.#typed());
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !this.busy) this.#submit();
    });
    // The second half of a double click is meant to speak, too, and not to stop.
    part("speak").addEventListener("click", (event) => event.detail > 1 && event.preventDefault());
    part("example").addEventListener("click", () => this.#example());
    part("voice").addEventListener("change", () => this.#speakers());
    part("speed").addEventListener("input", () => this.#speed());
    this.#typed();
    this.#speed();
    // Sent before this listens, the form would put the text into the address; nobody can, until here.
    part("speak").disabled = false;
  }

  /** @param {import("./api.js").Choices} choices */
  offer(choices) {
    this.voices = choices.voices;
    this.limit = choices.limits.max_characters;
    part("voice").replaceChildren(...choices.voices.map((voice) => new Option(voiceName(voice), voice.name)));
    part("voice").value = (choices.voices.find((voice) => voice.is_default) ?? choices.voices[0])?.name;
    this.#speakers();
    this.#typed();
  }

  /** @param {boolean} busy while a text is spoken, the button stops it */
  working(busy) {
    this.busy = busy;
    part("speak").textContent = busy ? "Stop" : "Speak";
    part("speak").classList.toggle("busy", busy);
    this.form.setAttribute("aria-busy", String(busy));
  }

  /** The voice that is chosen; none before the service has told any. */
  get voice() {
    return this.voices?.find((voice) => voice.name === part("voice").value);
  }

  #submit() {
    if (this.busy) return this.dispatchEvent(new Event("stop"));
    const speaker = part("speaker").value;
    const order = {
      // Composed, as the service names its words: they are looked for in this text.
      text: this.text.value.trim().normalize("NFC"),
      // Without one, the service takes its default.
      voice: part("voice").value || undefined,
      // What is heard while it is made is exactly what is kept; every other format is made from it when it is asked for.
      format: "wav",
      speed: Number(part("speed").value),
      ...(speaker ? { speaker } : {}),
    };
    this.dispatchEvent(new CustomEvent("speak", { detail: order }));
  }

  #typed() {
    const length = [...this.text.value].length;
    const over = length - this.limit;
    const limit = this.limit === Infinity ? "" : ` of ${this.limit.toLocaleString("en")}`;
    part("count").textContent = over > 0 ? `${over.toLocaleString("en")} too many` : `${length.toLocaleString("en")}${limit} characters`;
    part("count").classList.toggle("over", over > 0);
    this.text.setAttribute("aria-invalid", String(over > 0));
    part("example").hidden = length > 0;
    // The field grows with its text: nothing that was written should be out of sight.
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  #example() {
    this.text.value = EXAMPLE;
    this.#typed();
    this.text.focus();
  }

  #speed() {
    const speed = part("speed").value;
    part("speed-shown").textContent = `${speed}×`;
    part("speed").setAttribute("aria-valuetext", `${speed} times`);
  }

  #speakers() {
    const speakers = this.voice?.speakers ?? [];
    part("speaker").replaceChildren(...speakers.map((speaker) => new Option(speaker, speaker)));
    part("speaker-choice").hidden = speakers.length === 0;
  }
}
