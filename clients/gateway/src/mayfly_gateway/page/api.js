// The page's whole conversation with the gateway. Nothing else in the page makes requests.

import { Failure, failureOf, unreachable } from "./failure.js";
import { lines } from "./ndjson.js";

/**
 * @typedef {import("./words.js").Word} Word
 * @typedef {{name: string, language_code: string, sample_rate: number, speakers: string[], is_default?: boolean}} Voice
 * @typedef {{voices: Voice[], formats: string[], limits: {max_characters: number, max_upload_bytes?: number}}} Choices
 * @typedef {{text: string, voice: string, speaker?: string, format: string, speed: number}} Order
 * @typedef {{token: string, link: string, kind: "speech" | "recording", duration: number | null, create_time: string,
 *   expire_time: string | null, size_bytes: number, format: string, peaks: number[], words: Word[], text: string,
 *   file_name?: string}} Audio
 *   `expire_time` is null for what is kept until it is deleted, `duration` where nobody measured it; `file_name` is known
 *   to the page alone, and until it is loaded again.
 * @typedef {{deleted: boolean, delete_time: string | null, state: "certified" | "awaits_certificate", message: string,
 *   receipt: {verified: boolean, certificate: number, certificate_sha256: string, certificate_time: string | null} | null}} Deletion
 */

/** By how much the service's clock is ahead of this machine's. Unit: milliseconds. */
let ahead = 0;

/** Longest wait for an answer that nobody can stop. Unit: milliseconds. */
const PATIENCE = 60_000;

/** The service's time: what counts for an expiry. Unit: milliseconds since 1970. */
export function now() {
  return Date.now() + ahead;
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} of success; everything else is thrown as a `Failure`
 */
async function ask(path, options = {}) {
  const response = await reach(path, options);
  noteClock(response.headers.get("Date"));
  if (!response.ok) throw failureOf(response.status, await response.text(), response.headers.get("Retry-After"));
  return response;
}

/** @param {string} path @param {RequestInit} options; without a signal of its own, a request ends after `PATIENCE` */
async function reach(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE), ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

/** @param {string | null} date */
function noteClock(date) {
  const theirs = Date.parse(date ?? "");
  // The header counts whole seconds, so a smaller difference says nothing.
  if (!Number.isNaN(theirs)) ahead = Math.abs(theirs - Date.now()) > 2000 ? theirs - Date.now() : 0;
}

/** @returns {Promise<Choices>} */
export async function choices() {
  return (await ask("/api/page/voices")).json();
}

/**
 * Speaks a text: header, audio and words as they come, at last `audio_stored`. An error within is thrown.
 *
 * @param {Order} order
 * @param {AbortSignal} signal
 */
export async function* speech(order, signal) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order), signal };
  const response = await ask("/api/page/speech", options);
  let whole = false;
  try {
    for await (const message of lines(response.body)) {
      if (message.type === "error") throw new Failure(message.error);
      whole = message.type === "audio_stored";
      yield message;
    }
  } catch (error) {
    if (error instanceof Failure || signal.aborted) throw error;
    throw brokenOff();
  }
  if (!whole) throw brokenOff();
}

function brokenOff() {
  return new Failure({ reason: "BROKEN_OFF", message: "The connection broke before the speech was whole." });
}

/** @returns {Promise<Audio[]>} this guest's audio, newest first */
export async function history() {
  return (await (await ask("/api/page/history")).json()).audios;
}

/** Whether the service knows an audio of this page for this browser's: not without its cookie. @param {string} token */
export async function isKnown(token) {
  const known = ask(`/api/page/audios/${encodeURIComponent(token)}`);
  return known.then(() => true, (error) => error.reason !== "AUDIO_NOT_YOURS");
}

/** @param {string} token @returns {Promise<Deletion>} */
export async function remove(token) {
  return (await ask(`/api/page/audios/${encodeURIComponent(token)}`, { method: "DELETE" })).json();
}

/** What is known of a deletion by now. @param {string} token @returns {Promise<Deletion>} */
export async function deletion(token) {
  return (await ask(`/api/page/audios/${encodeURIComponent(token)}/receipt`)).json();
}

/** Says whether an audio was heard; operators count it. @param {Audio} audio @param {"played" | "broken"} outcome */
export async function report(audio, outcome) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ outcome }) };
  // Nobody who listens should hear of a count that was not taken.
  await ask(`/api/page/audios/${encodeURIComponent(audio.token)}/playback`, options).catch(() => {});
}

/** Status that a stable link answers with now; 302 if it leads to audio, 0 if nobody answers. @param {string} link */
export async function statusOf(link) {
  // Not followed: where it leads to is another origin, and only whether it leads anywhere matters.
  const response = await reach(link, { method: "HEAD", redirect: "manual", cache: "no-store" }).catch(() => null);
  if (!response) return 0;
  return response.type === "opaqueredirect" ? 302 : response.status;
}

/**
 * Waits until a file can be fetched; why it cannot is thrown, as browsers would save the error in its place.
 *
 * @param {string} path
 */
export async function made(path) {
  const options = { credentials: "same-origin", redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(5 * PATIENCE) };
  const response = await reach(path, options);
  // Where it leads to is the store's, and the browser's own download follows it there.
  if (response.type === "opaqueredirect") return;
  if (!response.ok) throw failureOf(response.status, await response.text(), response.headers.get("Retry-After"));
  await response.body?.cancel();
}

/** @param {string} token @param {string} format */
export function fileLink(token, format) {
  return `/api/page/audios/${encodeURIComponent(token)}/file?format=${encodeURIComponent(format)}`;
}

/** @param {string} token @param {"srt" | "vtt" | "json"} kind */
export function captionsLink(token, kind) {
  return `/api/page/audios/${encodeURIComponent(token)}/captions.${kind}`;
}

/**
 * Sends a recording. XMLHttpRequest, as fetch tells nothing of how far an upload is.
 *
 * @param {File} file
 * @param {(share: number) => void} onProgress 0 to 1
 * @param {AbortSignal} signal
 * @returns {Promise<Audio>}
 */
export async function upload(file, onProgress, signal) {
  return JSON.parse(await send(file, onProgress, signal)).audio;
}

/** @param {File} file @param {(share: number) => void} onProgress @param {AbortSignal} signal @returns {Promise<string>} */
function send(file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", "/api/page/recordings");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else reject(failureOf(request.status, request.response, request.getResponseHeader("Retry-After")));
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** What is stored, what is due, and what sweeps did. @param {string} token the operators' */
export async function operators(token) {
  return (await ask("/api/page/operators", { headers: { Authorization: `Bearer ${token}` } })).json();
}
