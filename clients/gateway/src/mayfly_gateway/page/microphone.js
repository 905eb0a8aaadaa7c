// A recording of one's own voice, made here: nothing leaves the machine before it is kept.

import { Failure } from "./failure.js";

/** What browsers can write and Mayfly keeps; the first that this one knows is taken. */
const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
/** Longest recording: a forgotten microphone ends by itself. Unit: milliseconds. */
const LONGEST = 10 * 60_000;

const REFUSALS = {
  NotAllowedError: { message: "The microphone may not be used.", remedy: "Allow it for this page in your browser, or choose a file." },
  NotFoundError: { message: "There is no microphone.", remedy: "Connect one, or choose a file." },
};

/** Whether this browser lets this page record at all: it does on secure pages. */
export function canRecord() {
  return Boolean(navigator.mediaDevices && window.MediaRecorder && TYPES.some((type) => MediaRecorder.isTypeSupported(type)));
}

/** Records from when it is opened until it is stopped, is full, or is pulled out. */
export class Microphone {
  /** @param {MediaStream} stream */
  constructor(stream) {
    this.stream = stream;
    this.began = Date.now();
    /** @type {Blob[]} */
    this.pieces = [];
    this.recorder = new MediaRecorder(stream, { mimeType: TYPES.find((type) => MediaRecorder.isTypeSupported(type)) });
    this.recorder.ondataavailable = (event) => this.pieces.push(event.data);
    /** Its length, when it has ended. Unit: seconds. */
    this.ended = new Promise((resolve) => (this.recorder.onstop = () => resolve(this.#end())));
    this.recorder.start();
    this.timer = setTimeout(() => this.stop(), LONGEST);
  }

  /** Asks for the microphone. */
  static async open() {
    try {
      return new Microphone(await navigator.mediaDevices.getUserMedia({ audio: true }));
    } catch (error) {
      throw new Failure(REFUSALS[error.name] ?? { message: "The microphone cannot be used.", remedy: "Choose a file instead." });
    }
  }

  /** How long it has run. Unit: seconds. */
  get seconds() {
    return ((this.end ?? Date.now()) - this.began) / 1000;
  }

  #end() {
    this.end = Date.now();
    return this.seconds;
  }

  stop() {
    clearTimeout(this.timer);
    if (this.recorder.state !== "inactive") this.recorder.stop();
    // The sign that somebody listens goes out at once.
    for (const track of this.stream.getTracks()) track.stop();
  }

  /** What was recorded, when it is stopped. @returns {Promise<{file: File, seconds: number}>} */
  async recorded() {
    const seconds = await this.ended;
    const [type] = this.recorder.mimeType.split(";");
    const name = `recording.${type.split("/")[1].replace("mp4", "m4a")}`;
    return { file: new File(this.pieces, name, { type }), seconds };
  }
}
