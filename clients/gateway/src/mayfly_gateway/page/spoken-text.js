// The text on the page, whose words light up as they are heard.

import { pieces, wordAt } from "./words.js";

/** Shows a text, and where in it the voice is. */
export class SpokenText {
  /**
   * @param {HTMLElement} element
   * @param {(seconds: number) => void} onWord a word was clicked; a shortcut for pointers, the slider does the same
   */
  constructor(element, onWord) {
    this.element = element;
    /** @type {import("./words.js").Word[]} */
    this.words = [];
    /** @type {Map<number, HTMLElement>} */
    this.spans = new Map();
    this.lit = -1;
    element.addEventListener("click", (event) => {
      const index = event.target.dataset?.word;
      if (index !== undefined) onWord(this.words[Number(index)].start);
    });
  }

  /** @param {string} text @param {import("./words.js").Word[]} words */
  show(text, words) {
    this.words = words;
    this.spans.clear();
    this.element.replaceChildren(...pieces(text, words).map((piece) => this.#piece(piece)));
    this.element.hidden = !text;
    const lit = this.lit;
    this.lit = -1;
    this.#light(lit);
  }

  /** @param {number} seconds */
  hear(seconds) {
    this.#light(wordAt(this.words, seconds));
  }

  /** @param {import("./words.js").Piece} piece */
  #piece({ text, word }) {
    if (word < 0) return document.createTextNode(text);
    const span = document.createElement("span");
    span.textContent = text;
    span.dataset.word = String(word);
    this.spans.set(word, span);
    return span;
  }

  /** @param {number} index */
  #light(index) {
    if (index === this.lit) return;
    this.spans.get(this.lit)?.classList.remove("now");
    for (const [word, span] of this.spans) span.classList.toggle("past", word < index);
    this.spans.get(index)?.classList.add("now");
    this.lit = index;
  }
}
