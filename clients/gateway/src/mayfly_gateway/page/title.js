// What an audio is called where there is room for a line.

import { moment } from "./wording.js";
import { textOf } from "./words.js";

/** Its first words; when it was made, if nobody knows them any more. @param {import("./api.js").Audio} audio */
export function titleOf(audio) {
  const words = audio.text || textOf(audio.words ?? []) || audio.file_name || "";
  const title = words.replaceAll(/\s+/g, " ").trim() || `${audio.kind === "recording" ? "Recording" : "Speech"} of ${moment(audio.create_time)}`;
  return title.length > 64 ? `${title.slice(0, 63).replace(/\s+\S*$/, "")}\u00a0…` : title;
}
