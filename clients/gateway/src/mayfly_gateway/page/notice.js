// What the page has to say: a failure where it is seen, everything else where screen readers hear it.

import { Failure } from "./failure.js";
import { left } from "./wording.js";

const notice = document.getElementById("notice");
const status = document.getElementById("status");
/** What the notice tells now. @type {unknown} */
let shown = null;

/** @param {unknown} error */
export function fail(error) {
  if (error?.name === "AbortError") return;
  const told = error instanceof Failure ? error : new Failure({ message: "Something in this page went wrong.", remedy: "Load it again." });
  // A fault of the page itself belongs into the console, with where it came from.
  if (told !== error) console.error(error);
  const again = told.retryAfter ? `You can try again in ${left(1000 * told.retryAfter)}.` : told.remedy;
  notice.replaceChildren(paragraph("what", told.message), ...(again ? [paragraph("remedy", again)] : []));
  if (told.reason) notice.append(paragraph("reason", told.reason));
  notice.hidden = false;
  shown = error;
  // On a phone, what was touched may be far below.
  notice.scrollIntoView({ block: "nearest" });
}

/** What was told is mended; another failure, told since, stays. @param {unknown} error */
export function settle(error) {
  if (shown === error) clear();
}

/** All is well again. */
export function clear() {
  shown = null;
  notice.hidden = true;
  notice.replaceChildren();
}

/** Says something to screen readers. @param {string} text */
export function say(text) {
  status.textContent = text;
}

/** Says something to all, for as long as it takes to read. @param {string} text */
export function tell(text) {
  say(text);
  const shown = document.createElement("p");
  shown.className = "toast";
  // The status has told screen readers already.
  shown.setAttribute("aria-hidden", "true");
  shown.textContent = text;
  document.body.append(shown);
  setTimeout(() => shown.remove(), 4000);
}

/** @param {string} name @param {string} text */
function paragraph(name, text) {
  const made = document.createElement("p");
  made.className = name;
  made.textContent = text;
  return made;
}
