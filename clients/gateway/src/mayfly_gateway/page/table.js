// A table that scrolls by itself on a narrow screen, and can be reached there by keys.

/**
 * @param {string} caption for screen readers; sighted readers have the heading above
 * @param {string[]} heads
 * @param {(string | Node)[][]} rows the first cell of each is its head
 */
export function table(caption, heads, rows) {
  const frame = document.createElement("div");
  frame.className = "table";
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", caption);
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  head.append(...heads.map((text) => cell("th", text, "col")));
  const body = made.createTBody();
  for (const [first, ...rest] of rows) {
    body.insertRow().append(cell("th", first, "row"), ...rest.map((content) => cell("td", content)));
  }
  frame.append(made);
  return frame;
}

/** @param {"th" | "td"} name @param {string | Node} content @param {string} [scope] */
function cell(name, content, scope) {
  const made = document.createElement(name);
  if (scope) made.scope = scope;
  made.append(content);
  return made;
}
