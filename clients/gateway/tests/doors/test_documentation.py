from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href"}]


async def test_every_door_is_described_with_its_fields_and_an_example(browser: httpx.AsyncClient) -> None:
    document = (await browser.get("/openapi.json")).json()
    text = (await browser.get("/docs")).text

    assert [path for path in document["paths"] if path not in text.replace("&#x27;", "'")] == []
    assert "presigned_url_expiry" in text
    assert "&quot;voice&quot;: &quot;alloy&quot;" in text
    assert "number from 0.25 to 4.0" in text


async def test_the_page_needs_no_script_and_nothing_from_elsewhere(browser: httpx.AsyncClient) -> None:
    page = Page((await browser.get("/docs")).text)

    assert "script" not in page.tags
    assert [link for link in page.loads if not link.startswith(("/", "#"))] == []
    assert (await browser.get("/page/docs.css")).status_code == 200


async def test_the_document_describes_every_door_and_shows_examples(browser: httpx.AsyncClient) -> None:
    document = (await browser.get("/openapi.json")).json()

    operations = [one for path in document["paths"].values() for one in path.values()]
    assert [one["operationId"] for one in operations if not one.get("summary")] == []
    orders = [name for name in document["components"]["schemas"] if name.endswith(("Order", "Request"))]
    examples = {name for name in orders if document["components"]["schemas"][name].get("examples")}
    assert examples >= {"GuestOrder", "SessionOrder", "SpeechRequest", "SpeechOrder"}


async def test_the_document_names_the_type_of_each_answer_that_has_a_body(browser: httpx.AsyncClient) -> None:
    document = (await browser.get("/openapi.json")).json()

    bodies = {
        f"{method} {path}": told["responses"][status].get("content", {})
        for path, methods in document["paths"].items()
        for method, told in methods.items()
        for status in ("200", "201")
        if status in told["responses"]
    }
    assert [operation for operation, content in bodies.items() if not content] == []
    assert set(bodies["post /v1/audio/speech"]) >= {"audio/mpeg", "audio/wav", "text/event-stream"}
    assert "anyOf" in bodies["post /v1/audio/transcriptions"]["application/json"]["schema"]
