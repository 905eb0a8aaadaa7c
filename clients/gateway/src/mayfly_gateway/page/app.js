// The page: who tells whom what.

import { choices, history, report, speech, statusOf } from "./api.js";
import { Composer } from "./composer.js";
import { Failure } from "./failure.js";
import { Farewell } from "./farewell.js";
import { clear, fail, say, tell } from "./notice.js";
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

composer.addEventListener("speak", (event) => speak(event.detail));
composer.addEventListener("stop", () => speaking.abort());
player.addEventListener("delete", () => farewell.ask(player.audio));
player.addEventListener("told", (event) => tell(event.detail));
player.addEventListener("gone", () => say("The time of this audio is over."));
player.addEventListener("heard", () => void report(player.audio, "played"));
player.addEventListener("failed", () => explain(player.audio));
shelf.addEventListener("open", (event) => open(event.detail));
shelf.addEventListener("delete", (event) => farewell.ask(event.detail));
farewell.addEventListener("deleted", (event) => forget(event.detail));
recordings.addEventListener("kept", (event) => {
  shelf.add(event.detail);
  open(event.detail);
});

await start();

async function start() {
  try {
    const offered = await choices();
    composer.offer(offered);
    player.formats = offered.formats;
    recordings.limit = offered.limits.max_upload_bytes ?? Infinity;
    shelf.show(await history());
  } catch (error) {
    fail(error);
  }
  document.documentElement.dataset.ready = "";
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
    if (audio) void report(audio, "broken");
    fail(new Failure({ message: "This audio could not be played.", remedy: "Try again, or download it in another format." }));
    return;
  }
  fail(new Failure({ reason: "AUDIO_GONE", message: "This audio is gone." }));
  forget(audio);
}
