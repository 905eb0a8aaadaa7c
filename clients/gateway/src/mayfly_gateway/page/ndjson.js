// Lines of JSON out of a stream of bytes, as they come.

/**
 * Yields one value for each line; a line may arrive in any number of pieces.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<any>}
 */
export async function* lines(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const whole = rest.split("\n");
      // The last piece has no end yet; after the last byte it is a line, too.
      rest = done ? "" : whole.pop();
      for (const line of whole) if (line.trim()) yield JSON.parse(line);
      if (done) return;
    }
  } finally {
    // Whoever stops listening stops the speaking, too: the server sees the connection end.
    await reader.cancel().catch(() => {});
  }
}
