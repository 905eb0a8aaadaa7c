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
    /** Words that do not stand in the text have none. @type {(HTMLElement | undefined)[]} */
    this.spans = [];
    this.lit = -1;
    element.addEventListener("click", (event) => {
      const index = event.target.dataset?.word;
      if (index !== undefined) onWord(this.words[Number(index)].start);
    });
  }

  /** @param {string} text @param {import("./words.js").Word[]} words */
  show(text, words) {
    this.words = [];
    this.spans = [];
    this.lit = -1;
    this.rest = document.createTextNode(text);
    this.element.replaceChildren(this.rest);
    this.element.hidden = !text;
    this.add(words);
  }

  /** More words, as they are known; what stands already stays as it is. @param {import("./words.js").Word[]} words */
  add(words) {
    const found = pieces(this.rest.data, words);
    this.rest.data = found.at(-1)?.word === -1 ? found.pop().text : "";
    this.rest.before(...found.map(({ text, word }) => this.#piece(text, word < 0 ? -1 : word + this.words.length)));
    this.words.push(...words);
  }

  /** @param {number} seconds */
  hear(seconds) {
    this.#light(wordAt(this.words, seconds));
  }

  /** @param {string} text @param {number} word */
  #piece(text, word) {
    if (word < 0) return document.createTextNode(text);
    const span = document.createElement("span");
    span.textContent = text;
    span.dataset.word = String(word);
    this.spans[word] = span;
    return span;
  }

  /** @param {number} index */
  #light(index) {
    if (index === this.lit) return;
    this.spans[this.lit]?.classList.remove("now");
    // Only those between: a long text has a thousand words, and each second three of them are said.
    for (let word = Math.max(0, Math.min(index, this.lit)); word < Math.max(index, this.lit + 1); word += 1) {
      this.spans[word]?.classList.toggle("past", word < index);
    }
    this.spans[index]?.classList.add("now");
    this.lit = index;
  }
}
