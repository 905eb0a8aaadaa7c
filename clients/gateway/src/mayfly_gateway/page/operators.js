// The operators' page: asks once, shows what came, and asks again when told to.

import { operators } from "./api.js";
import { clear, fail, say } from "./notice.js";
import { chain, storedBars, sweepBars } from "./pictures.js";
import { broken, figures, newest } from "./state.js";
import { table } from "./table.js";
import { about, count, moment, size } from "./wording.js";

const part = (id) => document.getElementById(id);

/** Never stored: a reload asks for it again. */
let token = "";

part("door").addEventListener("submit", (event) => {
  event.preventDefault();
  token = part("token").value;
  void look();
});
part("again").addEventListener("click", () => look());
// Sent before this listens, the form would put the token into the address; nobody can, until here.
part("look").disabled = false;

async function look() {
  clear();
  try {
    show(await operators(token));
  } catch (error) {
    fail(error);
    // What was seen stays, with the time that it is of: in an incident it may be all there is.
    if (error.passes && !part("board").hidden) return;
    part("board").hidden = part("as-of").hidden = true;
    part("door").hidden = false;
    part("token").focus();
  }
}

/** @param {import("./state.js").State} state */
function show(state) {
  const first = part("board").hidden;
  part("door").hidden = true;
  part("board").hidden = part("as-of").hidden = false;
  part("as-of-told").textContent = `As of ${moment(state.as_of)}.`;
  part("figures").replaceChildren(...figures(state).map(figure));
  showStored(state);
  showSweeps(state);
  showChain(state);
  say("The state is shown.");
  if (first) part("stored-title").focus({ preventScroll: true });
}

/** @param {import("./state.js").Figure} told */
function figure({ name, value, note, alarm }) {
  const item = document.createElement("li");
  item.className = alarm ? "alarm" : "";
  for (const [kind, text] of [["name", name], ["value", value], ["note", note]]) {
    const line = document.createElement("span");
    line.className = kind;
    line.textContent = text;
    item.append(line);
  }
  return item;
}

/** @param {import("./state.js").State} state */
function showStored({ usage, info }) {
  const lives = new Map(info.collections.map((one) => [one.id, one.lifetime_seconds]));
  const rows = usage.map((one) => [
    one.collection,
    storedBars(one, usage),
    count(one.objects, "object"),
    size(one.size_bytes),
    life(lives.get(one.collection)),
    `$${one.monthly_cost.toFixed(2)}`,
  ]);
  part("stored").replaceChildren(table("Table of what is stored", ["Collection", "Share", "Objects", "Size", "Lives", "A month"], rows));
}

/** @param {number | null | undefined} seconds */
function life(seconds) {
  if (!seconds) return "until deleted";
  return seconds >= 172_800 ? `${seconds / 86_400} days` : seconds >= 7200 ? `${seconds / 3600} h` : `${seconds / 60} min`;
}

/** @param {import("./state.js").State} state */
function showSweeps({ sweeps }) {
  // Looking at what is due is a sweep, too, which only looks.
  const real = sweeps.filter((sweep) => !sweep.dry_run);
  part("sweeps-told").textContent = real.length
    ? "Above: how late the latest item was. Below: how much each sweep deleted."
    : "No sweep has run since the sweeper started.";
  part("sweeps-picture").replaceChildren(...(real.length ? [sweepBars(newest(real, 36))] : []));
  const rows = real.slice(0, 12).map((sweep) => [
    moment(sweep.start_time),
    state(sweep),
    String(sum(sweep, "found")),
    String(sum(sweep, "deleted")),
    size(sum(sweep, "size_bytes")),
    about(1000 * sweep.report.max_lateness_seconds),
    sweep.certificate ? `no. ${sweep.certificate}` : "–",
  ]);
  const heads = ["Began", "State", "Found", "Deleted", "Size", "Late by", "Certificate"];
  part("sweeps").replaceChildren(...(rows.length ? [table("Table of sweeps", heads, rows)] : []));
}

/** @param {import("./state.js").Sweep} sweep */
function state(sweep) {
  const told = document.createElement("span");
  told.className = `state ${sweep.state.toLowerCase()}`;
  told.textContent = sweep.state.toLowerCase();
  told.title = sweep.failure || sweep.notes.join(" ");
  return told;
}

/** @param {import("./state.js").Sweep} sweep @param {"found" | "deleted" | "size_bytes"} what */
function sum(sweep, what) {
  return sweep.report.lines.reduce((total, line) => total + line[what], 0);
}

/** @param {import("./state.js").State} state */
function showChain({ certificates }) {
  const bad = broken(certificates);
  part("chain-told").textContent = !certificates.length
    ? "There is none yet."
    : bad.size
      ? `The chain is broken at ${[...bad].join(", ")}. Keep what you have, and ask who can write there.`
      : `Of the newest ${certificates.length}, each names the hash of the one before it.`;
  part("chain").replaceChildren(...(certificates.length ? [chain(newest(certificates, 12), bad)] : []));
  const rows = certificates.slice(0, 12).map(({ sequence, create_time, sha256, document: told }) => [
    String(sequence),
    moment(create_time),
    hash(sha256),
    told.totals ? String(told.totals.verified_gone) : "a part",
    told.proves ? "nothing due is left" : told.last ? "not that nothing is left" : "–",
  ]);
  part("certificates").replaceChildren(
    ...(rows.length ? [table("Table of certificates", ["No.", "Written", "SHA-256", "Verified gone", "Proves"], rows)] : []),
  );
}

/** @param {string} sha256 */
function hash(sha256) {
  const told = document.createElement("code");
  told.textContent = `${sha256.slice(0, 16)}…`;
  told.title = sha256;
  return told;
}
