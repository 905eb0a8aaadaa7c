// What went wrong, in words that help the person who reads them.

/** What a person at this page can do; the service's own remedies are written for programmers. */
const REMEDIES = {
  UNREACHABLE: "Check your connection, then try again. What you wrote or recorded is still here.",
  BROKEN_OFF: "Try again. Your text is still here.",
  TEXT_TOO_LONG: "Shorten it, or speak it in parts.",
  TEXT_EMPTY: "Write at least one word.",
  TEXT_UNSPEAKABLE: "Write it in words that this voice can say.",
  VOICE_UNKNOWN: "Choose another voice.",
  SPEAKER_UNKNOWN: "Choose another speaker.",
  SERVER_BUSY: "Many people speak at the moment. Try again in a few seconds.",
  BACKEND_UNAVAILABLE: "Try again in a few seconds.",
  NO_ANSWER: "Try again in a few seconds. What you wrote or recorded is still here.",
  STORAGE_UNAVAILABLE: "Try again in a few seconds. Your text is still here.",
  AUDIO_NOT_FOUND: "Its time was over, or it was deleted. Make it again if you need it.",
  AUDIO_GONE: "Its time was over, or it was deleted. Make it again if you need it.",
  AUDIO_NOT_YOURS: "Only the browser that made it can do this, and only while it keeps this page's cookie. It goes by itself.",
  AUDIO_TOO_LARGE: "Choose a smaller file, or a shorter part of it.",
  CONTENT_TYPE_NOT_ALLOWED: "Choose an audio file: WAV, MP3, M4A, Ogg, FLAC, WebM or CAF.",
  CALLER_UNAUTHENTICATED: "Check the operators' token, and try again.",
};

/** A failure with what it needs to be told: why, what, and what to do. */
export class Failure extends Error {
  /** @param {{reason?: string, message: string, remedy?: string, retryAfter?: number, passes?: boolean}} told `retryAfter` in seconds */
  constructor({ reason = "", message, remedy = "", retryAfter = 0, passes = false }) {
    super(message);
    this.reason = reason;
    this.remedy = REMEDIES[reason] ?? remedy;
    this.retryAfter = retryAfter;
    /** Whether the same may succeed later. */
    this.passes = passes;
  }
}

/** The service did not answer at all. */
export function unreachable() {
  return new Failure({ reason: "UNREACHABLE", message: "Mayfly does not answer.", passes: true });
}

/**
 * The failure that an answer tells; answers of proxies between tell none, and get words by their status.
 *
 * @param {number} status
 * @param {string} body
 * @param {string | null} retryAfter seconds, as the header says
 */
export function failureOf(status, body, retryAfter) {
  const why = told(body) ?? byStatus(status);
  return new Failure({ ...why, retryAfter: Number(retryAfter) || why.retryAfter, passes: status === 429 || status >= 500 });
}

/** @param {string} body */
function told(body) {
  try {
    const { error } = JSON.parse(body);
    return typeof error?.message === "string" ? { ...error, retryAfter: error.retry_after ?? 0 } : null;
  } catch {
    return null;
  }
}

/** @param {number} status */
function byStatus(status) {
  if (status === 413) return { reason: "AUDIO_TOO_LARGE", message: "This is larger than Mayfly takes." };
  if (status === 429) return { message: "That was a lot at once.", remedy: "Wait a moment, then try again." };
  if (status === 401 || status === 403) return { reason: "CALLER_UNAUTHENTICATED", message: "Mayfly does not let you see this." };
  if (status === 404 || status === 410) return { reason: "AUDIO_GONE", message: "This audio is gone." };
  return { message: `Mayfly could not do this (status ${status}).`, remedy: "Try again in a moment." };
}
