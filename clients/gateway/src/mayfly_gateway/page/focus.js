// The focus, kept on the page: where what had it goes away, keys and screen readers would begin again at the top.

/**
 * Changes a part of the page; the focus that was in it, and has no place there any more, goes to the first place that is shown.
 *
 * @param {Element} part
 * @param {() => void} change
 * @param {(HTMLElement | null | undefined)[]} places
 */
export function keepFocus(part, change, ...places) {
  const within = part.contains(document.activeElement);
  change();
  if (within && !holds(document.activeElement)) land(...places);
}

/** Gives the focus a place, if it has none. @param {(HTMLElement | null | undefined)[]} places */
export function catchFocus(...places) {
  if (!holds(document.activeElement)) land(...places);
}

/** @param {(HTMLElement | null | undefined)[]} places */
function land(...places) {
  places.find((place) => place && holds(place))?.focus({ preventScroll: true });
}

/** Whether an element can have the focus: what is hidden keeps it for a moment only. @param {Element | null} element */
function holds(element) {
  return Boolean(element && element !== document.body && element.getClientRects().length && !element.disabled);
}
