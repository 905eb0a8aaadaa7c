// Which word is heard when, and where it stands in the text.

/** @typedef {{text: string, start: number, end: number}} Word seconds from the start of the audio */
/** @typedef {{text: string, word: number}} Piece a part of the text; `word` is -1 for what is between words */

/**
 * Cuts a text at its words, so that everything that was typed stays: spaces, punctuation, lines.
 *
 * A word that is not found as it is spoken (a number, say) is left out: its stretch of text is lit by nobody, and the
 * words after it are found all the same.
 *
 * @param {string} text
 * @param {Word[]} words
 * @returns {Piece[]}
 */
export function pieces(text, words) {
  const found = [];
  let cursor = 0;
  words.forEach((word, index) => {
    const at = text.indexOf(word.text, cursor);
    // Far away is another occurrence, not this one: words come in the order of the text.
    if (!word.text || at < 0 || at - cursor > 200) return;
    // A quotation mark before it and a comma behind it are heard with it.
    const from = at - (text.slice(cursor, at).match(/[^\s\p{L}\p{N}]+$/u)?.[0].length ?? 0);
    const to = at + word.text.length + (text.slice(at + word.text.length).match(/^[^\s\p{L}\p{N}]+/u)?.[0].length ?? 0);
    if (from > cursor) found.push({ text: text.slice(cursor, from), word: -1 });
    found.push({ text: text.slice(from, to), word: index });
    cursor = to;
  });
  if (cursor < text.length) found.push({ text: text.slice(cursor), word: -1 });
  return found;
}

/**
 * Number of the word that is heard at a time: the last that has begun, or -1 before the first.
 *
 * @param {Word[]} words in order
 * @param {number} seconds
 */
export function wordAt(words, seconds) {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * A text made of words alone, for audio whose text nobody kept.
 *
 * @param {Word[]} words
 */
export function textOf(words) {
  return words.map((word) => word.text).join(" ");
}
