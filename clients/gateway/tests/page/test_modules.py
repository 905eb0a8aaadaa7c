"""The pure modules of the page, asked in the browser that runs them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from clients.gateway.tests.page.speech import SPEECH, TEXT, pcm, sentences

if TYPE_CHECKING:
    from clients.gateway.tests.page.chromium import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ask(tab: Tab, module: str, expression: str, given: Any = None) -> Any:
    """What an expression over a module `m` and what is `given` comes to."""
    if tab.page.url == "about:blank":
        await tab.open()
    return await tab.page.evaluate(
        f"async (given) => {{ const m = await import('/page/{module}'); return {expression} }}", given
    )


async def test_pieces_of_a_text_are_the_text(tab: Tab) -> None:
    words = [word for sentence in sentences() for word in sentence["words"]]

    for text in (TEXT, f"“{TEXT}”", TEXT.replace(" ", "\n "), "Something else entirely.", ""):
        pieces = await ask(tab, "words.js", "m.pieces(...given)", [text, words])
        assert "".join(piece["text"] for piece in pieces) == text


async def test_each_word_is_found_where_it_stands(tab: Tab) -> None:
    words = [{"text": text} for text in ("to", "be", "or", "not", "to", "be")]

    pieces = await ask(tab, "words.js", "m.pieces(...given)", ["“To be”? To, to be, or not to be.", words])

    assert [piece["text"] for piece in pieces if piece["word"] >= 0] == ["to", "be,", "or", "not", "to", "be."]


async def test_a_word_that_is_not_written_is_left_out(tab: Tab) -> None:
    words = [{"text": text} for text in ("Room", "forty-two", "please")]

    pieces = await ask(tab, "words.js", "m.pieces(...given)", ["Room 42, please.", words])

    assert [(piece["text"], piece["word"]) for piece in pieces] == [("Room", 0), (" 42, ", -1), ("please.", 2)]


async def test_the_word_of_a_time_is_the_last_that_has_begun(tab: Tab) -> None:
    words = [{"start": 0.1}, {"start": 0.5}, {"start": 2}]

    found = await ask(tab, "words.js", "[0, 0.1, 0.49, 0.5, 1.9, 2, 99].map((time) => m.wordAt(given, time))", words)

    assert found == [-1, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("size", [1, 7, 1_000, 65_536])
async def test_samples_are_the_same_however_they_are_cut(tab: Tab, size: int) -> None:
    whole = SPEECH.read_bytes()
    header = len(whole) - len(pcm())
    data = whole[: header + 20_000] if size < 100 else whole
    chunks = [base64.b64encode(data[at : at + size]).decode() for at in range(0, len(data), size)]

    sums = await ask(
        tab,
        "pcm.js",
        """(() => {
          const reader = new m.PcmReader();
          let [count, sum] = [0, 0];
          for (const chunk of given) {
            for (const sample of reader.samples(chunk)) [count, sum] = [count + 1, sum + sample * 32768];
          }
          return [count, sum];
        })()""",
        chunks,
    )

    samples = memoryview(data[header:]).cast("h")
    assert sums == [len(samples), sum(samples)]


async def test_bare_samples_are_read_as_well_as_wav(tab: Tab) -> None:
    data = base64.b64encode(bytes([0, 64, 0, 192, 255, 127])).decode()

    samples = await ask(tab, "pcm.js", "[...new m.PcmReader().samples(given)]", data)

    assert samples == pytest.approx([0.5, -0.5, 1], abs=0.0001)


async def test_lines_may_be_cut_anywhere(tab: Tab) -> None:
    read = """(async () => {
      const bytes = new TextEncoder().encode('{"a":"ü"}\\n\\n{"b":2}\\n{"c":3}');
      const found = [];
      for (let size = 1; size < 9; size += 1) {
        const stream = new ReadableStream({ start(end) {
          for (let at = 0; at < bytes.length; at += size) end.enqueue(bytes.slice(at, at + size));
          end.close();
        } });
        const values = [];
        for await (const value of m.lines(stream)) values.push(value);
        found.push(JSON.stringify(values));
      }
      return found;
    })()"""

    assert set(await ask(tab, "ndjson.js", f"await {read}")) == {'[{"a":"ü"},{"b":2},{"c":3}]'}


WORDING = {
    "m.clock(65.9)": "1:05",
    "m.clock(0)": "0:00",
    "m.spokenTime(61)": "1 minute 1 second",
    "m.left(59_001)": "1 min 0 s",
    "m.left(3_599_000)": "59 min 59 s",
    "m.left(86_400_000)": "24 h 0 min",
    "m.left(7 * 86_400_000)": "7 days",
    "m.size(999)": "999 bytes",
    "m.size(999_600)": "1.0 MB",
    "m.size(280_368)": "280 kB",
    "m.count(1, 'object')": "1 object",
    "m.about(5_000_000)": "83 min",
    "m.voiceName({ name: 'en_US-mayfly-low', language_code: 'en_US' })": "Mayfly, American English (low)",
    "m.voiceName({ name: 'own', language_code: 'xx-!' })": "Own, xx-!",
}


async def test_times_sizes_and_voices_are_said_to_people(tab: Tab) -> None:
    told = {expression: await ask(tab, "wording.js", expression) for expression in WORDING}

    assert told == WORDING
