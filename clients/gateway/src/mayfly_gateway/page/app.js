// The page: who tells whom what.

import { choices, history, isKnown, report, speech, statusOf } from "./api.js";
import { Composer } from "./composer.js";
import { Failure, unreachable } from "./failure.js";
import { Farewell } from "./farewell.js";
import { clear, fail, say, settle, tell } from "./notice.js";
import { PcmReader } from "./pcm.js";
import { Player } from "./player.js";
import { Recordings } from "./recordings.js";
import { Shelf } from "./shelf.js";

const part = (id) => document.getElementById(id);

const composer = new Composer();
const farewell = new Farewell();
const recordings = new Recordings();
const shelf = new Shelf(part("history"), part("history-empty"));
const player = new Player();
let speaking = new AbortController();
/** Whether it was asked if this browser keeps the cookie: browsers do not tell. */
let cookieSought = false;

composer.addEventListener("speak", (event) => speak(event.detail));
composer.addEventListener("stop", () => speaking.abort());
player.addEventListener("delete", () => farewell.ask(player.audio));
player.addEventListener("told", (event) => tell(event.detail));
player.addEventListener("gone", () => say("The time of this audio is over."));
player.addEventListener("heard", () => void report(player.audio, "played"));
player.addEventListener("failed", () => explain(player.audio));
player.addEventListener("refused", (event) => fail(event.detail));
shelf.addEventListener("open", (event) => open(event.detail));
shelf.addEventListener("delete", (event) => farewell.ask(event.detail));
farewell.addEventListener("deleted", (event) => forget(event.detail));
farewell.addEventListener("closed", () => shelf.land());
recordings.addEventListener("kept", (event) => {
  shelf.add(event.detail);
  void seekCookie(event.detail);
  // What is being heard is not cut off by what has come.
  if (composer.busy || player.sounds) {
    shelf.current(player.audio?.token);
    tell("The recording is kept.");
  } else open(event.detail);
});

// Whoever comes back finds the page as it was left; meanwhile, another tab may have made or deleted something.
addEventListener("pageshow", (event) => event.persisted && part("cookie-missing").hidden && void remember().catch(() => {}));

await start();

/** What the page has to know, each for itself: while one service restarts, what the other knows is shown. */
async function start() {
  let { left, error } = await attempt([offer, remember]);
  document.documentElement.dataset.ready = "";
  if (!left.length) return;
  const first = error;
  fail(first);
  for (let wait = 2000; left.length && error.passes; wait = Math.min(2 * wait, 30_000)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    ({ left, error } = await attempt(left));
  }
  if (!left.length) settle(first);
}

async function offer() {
  const offered = await choices();
  composer.offer(offered);
  player.formats = offered.formats;
  recordings.limit = offered.limits.max_upload_bytes ?? Infinity;
}

async function remember() {
  shelf.show(await history());
  shelf.current(player.audio?.token);
}

/** The steps that did not succeed, and why. @param {(() => Promise<void>)[]} steps */
async function attempt(steps) {
  const outcomes = await Promise.allSettled(steps.map((step) => step()));
  const failed = outcomes.map(({ status }) => status === "rejected");
  return { left: steps.filter((_, at) => failed[at]), error: outcomes[failed.indexOf(true)]?.reason };
}

/** @param {import("./api.js").Order} order */
async function speak(order) {
  clear();
  if (!order.text) {
    fail(new Failure({ reason: "TEXT_EMPTY", message: "There is nothing to say yet." }));
    part("text").focus();
    return;
  }
  // Made here, within the click or key: browsers let no later one sound.
  const context = new AudioContext({ sampleRate: composer.voice?.sample_rate });
  void context.resume();
  const mine = (speaking = new AbortController());
  composer.working(true);
  player.begin(order.text, context);
  say("Speaking.");
  try {
    await listen(order, mine.signal);
  } catch (error) {
    // If another audio was opened in between, the player is that one's.
    if (mine === speaking) player.close();
    say("Speaking has stopped.");
    fail(error);
  } finally {
    composer.working(false);
  }
}

/** @param {import("./api.js").Order} order @param {AbortSignal} signal */
async function listen(order, signal) {
  const reader = new PcmReader();
  let sampleRate = 0;
  for await (const message of speech(order, signal)) {
    if (message.type === "header") player.header((sampleRate = message.sample_rate));
    else if (message.type === "audio") player.hear(reader.samples(message.data), sampleRate);
    else if (message.type === "words") player.say(message.words);
    else if (message.type === "audio_stored") keep(message.audio);
  }
}

/** @param {import("./api.js").Audio} audio */
function keep(audio) {
  player.keep(audio);
  // The text is known here, whether or not the service keeps it.
  shelf.add(player.audio);
  say("The speech is complete.");
  void seekCookie(audio);
}

/** Without it, what is made here plays, but belongs to nobody. @param {import("./api.js").Audio} audio */
async function seekCookie(audio) {
  if (cookieSought) return;
  cookieSought = true;
  part("cookie-missing").hidden = await isKnown(audio.token);
}

/** @param {import("./api.js").Audio} audio */
function open(audio) {
  clear();
  speaking.abort();
  speaking = new AbortController();
  player.open(audio);
  shelf.current(audio.token);
  void player.toggle();
}

/** @param {import("./api.js").Audio} audio */
function forget(audio) {
  shelf.remove(audio.token);
  if (player.audio?.token === audio.token) player.close();
}

/** Why an audio does not play: its link knows. @param {import("./api.js").Audio | null} audio */
async function explain(audio) {
  const status = audio ? await statusOf(audio.link) : 0;
  if (status !== 404 && status !== 410) {
    if (audio && status) void report(audio, "broken");
    const unheard = { message: "This audio could not be played.", remedy: "Try again, or download it in another format." };
    fail(audio && !status ? unreachable() : new Failure(unheard));
    return;
  }
  fail(new Failure({ reason: "AUDIO_GONE", message: "This audio is gone." }));
  forget(audio);
}
