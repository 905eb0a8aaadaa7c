// What the operators' page is told, and what follows from it.

import { about, count, size } from "./wording.js";

/**
 * The answer of `/api/page/operators`; each part is what `mayfly info|usage|sweeps --json` prints.
 *
 * @typedef {{collection: string, objects: number, size_bytes: number, monthly_cost: number}} Usage dollars in a month
 * @typedef {{reason: string, found: number, deleted: number, already_gone: number, skipped: number, failed: number,
 *   size_bytes: number}} Line
 * @typedef {{lines: Line[], objects_seen: number, verified_gone: number, still_there: number, listings_complete: boolean,
 *   max_lateness_seconds: number}} Report
 * @typedef {{name: string, state: string, dry_run: boolean, start_time: string, end_time: string | null, report: Report,
 *   failure: string, notes: string[], certificate: number | null}} Sweep
 * @typedef {{sequence: number, sha256: string, previous_sha256: string, create_time: string,
 *   document: {proves?: boolean, last: boolean, totals?: {verified_gone: number, still_there: number}}}} Certificate
 * @typedef {{as_of: string, info: {backend: string, bucket: string, fallback_active?: boolean, fallback_cause?: string,
 *   collections: {id: string, lifetime_seconds: number | null}[]}, usage: Usage[], due: Report | null, sweeps: Sweep[],
 *   certificates: Certificate[]}} State `due` is what a sweep would find now, null if nobody looked; lists are newest first
 * @typedef {{name: string, value: string, note: string, alarm: boolean}} Figure
 */

/** Bytes are gone within this time after their audio's end. Unit: seconds. */
export const PROMISE = 1800;

/** The figures that tell whether all is well. @param {State} state @returns {Figure[]} */
export function figures(state) {
  return [stored(state), due(state), last(state), lateness(state), gone(state)];
}

/** As many as are asked for, the oldest first, as one reads a picture. @template T @param {T[]} list @param {number} most */
export function newest(list, most) {
  return list.slice(0, most).reverse();
}

/** Numbers of the certificates that do not follow from the one before. @param {Certificate[]} certificates newest first */
export function broken(certificates) {
  const bad = new Set();
  certificates.forEach((one, at) => {
    const before = certificates[at + 1];
    if (before && (one.previous_sha256 !== before.sha256 || one.sequence !== before.sequence + 1)) bad.add(one.sequence);
  });
  return bad;
}

/** @param {State} state @returns {Figure} */
function stored({ usage, info }) {
  const objects = usage.reduce((sum, one) => sum + one.objects, 0);
  const bytes = usage.reduce((sum, one) => sum + one.size_bytes, 0);
  const where = info.fallback_active ? `fallback: ${info.fallback_cause}` : `in ${info.bucket} (${info.backend})`;
  return { name: "Stored", value: size(bytes), note: `${count(objects, "object")}, ${where}`, alarm: Boolean(info.fallback_active) };
}

/** @param {State} state @returns {Figure} */
function due({ due: report }) {
  if (!report) return { name: "Due now", value: "?", note: "nobody looked", alarm: false };
  const found = report.lines.reduce((sum, line) => sum + line.found, 0);
  const reasons = report.lines.map((line) => `${line.found} ${line.reason.toLowerCase().replaceAll("_", " ")}`);
  return { name: "Due now", value: String(found), note: reasons.join(", ") || "nothing waits", alarm: report.max_lateness_seconds > PROMISE };
}

/** @param {State} state @returns {Figure} */
function last({ sweeps, as_of }) {
  const sweep = sweeps.find((one) => !one.dry_run && one.end_time);
  if (!sweep) return { name: "Last sweep", value: "none", note: "none has ended yet", alarm: false };
  const ago = Date.parse(as_of) - Date.parse(sweep.end_time);
  return {
    name: "Last sweep",
    value: `${about(ago)} ago`,
    note: sweep.state.toLowerCase(),
    alarm: sweep.state !== "CLEAN" || ago > 1000 * PROMISE,
  };
}

/** @param {State} state @returns {Figure} */
function lateness({ sweeps }) {
  const worst = Math.max(0, ...sweeps.filter((one) => !one.dry_run).map((one) => one.report.max_lateness_seconds));
  return { name: "Late by", value: about(1000 * worst), note: "after its time, at most; promised are 30 min", alarm: worst > PROMISE };
}

/** @param {State} state @returns {Figure} */
function gone({ certificates }) {
  const totals = certificates.map((one) => one.document.totals).filter(Boolean);
  const verified = totals.reduce((sum, one) => sum + one.verified_gone, 0);
  const there = totals.reduce((sum, one) => sum + one.still_there, 0);
  const note = there ? `${there} still there: an incident` : `by the newest ${count(certificates.length, "certificate")}`;
  return { name: "Verified gone", value: verified.toLocaleString("en"), note, alarm: there > 0 };
}
