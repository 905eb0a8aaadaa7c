// How long an audio has still to live, told and drawn.

import { now } from "./api.js";
import { left } from "./wording.js";

/** A guest's audio lives this long where its creation is not told. Unit: milliseconds. */
const DAY = 86_400_000;

/** @param {import("./api.js").Audio} audio; milliseconds until it is gone, Infinity if it is kept */
export function remaining(audio) {
  return audio.expire_time ? Date.parse(audio.expire_time) - now() : Infinity;
}

/** @param {import("./api.js").Audio} audio; what is left of its life, 0 to 1 */
export function share(audio) {
  if (!audio.expire_time) return 1;
  const end = Date.parse(audio.expire_time);
  const whole = audio.create_time ? end - Date.parse(audio.create_time) : DAY;
  return Math.min(1, Math.max(0, (end - now()) / whole));
}

/** @param {import("./api.js").Audio} audio */
export function told(audio) {
  const rest = remaining(audio);
  if (rest === Infinity) return "Kept until you delete it";
  return rest > 0 ? `Gone in ${left(rest)}` : "Gone";
}
