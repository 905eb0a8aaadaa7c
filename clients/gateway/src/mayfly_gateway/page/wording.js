// How times, sizes and voices are said to people.

/** `1:05` of 65 seconds. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** `12 seconds`, `1 minute 5 seconds`: a position as a screen reader should say it. @param {number} seconds */
export function spokenTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const told = count(whole % 60, "second");
  return minutes ? `${count(minutes, "minute")} ${told}` : told;
}

/** What is left, in the two units that matter. @param {number} milliseconds */
export function left(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return `${Math.max(0, seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** What has passed, in the one unit that matters. @param {number} milliseconds */
export function about(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** `280 kB`, in thousands. @param {number} bytes */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** `1 item`, `2 items`. @param {number} number @param {string} noun */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** A moment as the reader's own clock shows it. @param {string} iso */
export function moment(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** `Mayfly, American English (low)` of `en_US-mayfly-low`. @param {{name: string, language_code: string}} voice */
export function voiceName(voice) {
  const [, name = voice.name, quality = ""] = voice.name.split("-");
  const shown = name.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());
  return `${shown}, ${language(voice.language_code)}${quality && ` (${quality.replaceAll("_", " ")})`}`;
}

/** @param {string} code */
function language(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code.replaceAll("_", "-")) ?? code;
  } catch {
    return code;
  }
}

/** What a format is for. @param {string} format */
export function formatName(format) {
  const known = { wav: "WAV", mp3: "MP3", opus: "Opus", aac: "AAC", flac: "FLAC", pcm: "PCM", mulaw: "µ-law", alaw: "A-law" };
  return known[format] ?? format.toUpperCase();
}
