"""Messages that nobody would send: random, at every boundary, with words that are almost right.

Most of a message is random; some of it is of a vocabulary of what is right, so that it gets past the first look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from google.protobuf.message import Message

INTEGERS: Final = (0, 1, -1, 2, 7, 1_000, 1_001, 65_536, 2**31 - 1, -(2**31), 2**62, 2**63 - 1, -(2**63))
TEXTS: Final = (
    *(
        "",
        " ",
        ".",
        "..",
        "/",
        "\\",
        "\0",
        "a\0b",
        "\n",
        "../../etc/passwd",
        "%2e%2e%2f",
        "..%00",
        "$(id)",
        "' OR 1=1 --",
    ),
    *(
        "\N{RIGHT-TO-LEFT OVERRIDE}x",
        "\N{FULLWIDTH FULL STOP}" * 2,
        "e\N{COMBINING ACUTE ACCENT}",
        "\U0001f50a",
        "\ufeff",
    ),
    *(
        "audio/2026-02-30/f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "audio/../../x",
        "9" * 30,
        "{}",
        "${jndi:x}",
        "x" * 5_000,
    ),
    *(
        "ü" * 1_025,
        "\N{DIGIT ZERO}" * 129,
        "-",
        "_",
        "~",
        "*",
        "idem#synth#00",
        "key#0000",
        "s3://b/k",
        "\x7f",
        "\u2028",
    ),
)
BYTES: Final = (b"", b"\0", b"x" * 31, b"x" * 32, b"x" * 33, b"\xff" * 32, b"x" * 65_537)
_DEEPEST: Final = 4
_LONGEST_LIST: Final = 20
_TEMPERS: Final = (0.5, 0.9, 1.0)
"""How often what a message holds is of the vocabulary; one of these for each message."""
_FILLED: Final = 0.8
"""How often a field is filled at all."""


class Hostile:
    """Makes messages by their descriptors."""

    def __init__(self, chance: Random, vocabulary: Mapping[str, Sequence[Any]]) -> None:
        """Take the source of chance, and by field names what is right there."""
        self._chance = chance
        self._vocabulary = vocabulary
        self._temper = 1.0

    def message(self, kind: type[Message]) -> Message:
        """A message of a kind; filled field by field."""
        made = kind()
        self._temper = self._chance.choice(_TEMPERS)
        self._fill(made, 0)
        return made

    def wire(self, kind: type[Message]) -> bytes:
        """The same on the wire: as it is, with fields that nobody knows, cut off, with bits flipped, or pure noise."""
        data = bytearray(self.message(kind).SerializeToString())
        match self._chance.randrange(8):
            case 0:
                data += self._noise(40)
            case 1:
                del data[self._chance.randrange(len(data) + 1) :]
            case 2 if data:
                for _ in range(self._chance.randrange(1, 9)):
                    data[self._chance.randrange(len(data))] ^= 1 << self._chance.randrange(8)
            case 3:
                data = bytearray(self._noise(200))
            case 4:  # a field of number 19,000 that holds much
                data += b"\xc2\xa3\x09\xff\xff\x03" + b"u" * 65_535
            case _:
                pass
        return bytes(data)

    def mutated(self, text: str) -> str:
        """A text with some of its characters changed, doubled or left out."""
        characters = list(text) or ["x"]
        for _ in range(self._chance.randrange(1, 4)):
            place = self._chance.randrange(len(characters))
            characters[place : place + self._chance.randrange(2)] = self._chance.choice(
                ["", "A", "_", "=", "é", "AAAA", "\0"]
            )
            characters = characters or ["x"]
        return "".join(characters)

    def _noise(self, longest: int) -> bytes:
        return self._chance.randbytes(self._chance.randrange(longest))

    def _fill(self, message: Message, depth: int) -> None:
        field: Any  # one class by its name, and another by its making
        for field in message.DESCRIPTOR.fields:
            if self._chance.random() < _FILLED:
                self._set(message, field, depth)

    def _set(self, message: Message, field: Any, depth: int) -> None:
        there: Any = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for _ in range(self._chance.randrange(4)):
                there[self._text("map_key")] = self._text("map_value")
        elif field.is_repeated:
            for _ in range(self._chance.choice([1, 1, 2, 3, _LONGEST_LIST])):
                if field.message_type is None:
                    there.append(self._value(field))
                elif depth < _DEEPEST:
                    self._fill(there.add(), depth + 1)
        elif field.message_type is None:
            setattr(message, field.name, self._value(field))
        elif depth < _DEEPEST:
            there.SetInParent()
            self._fill(there, depth + 1)

    def _value(self, field: Any) -> Any:
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            return self._bytes(field.name) if field.type == FieldDescriptor.TYPE_BYTES else self._text(field.name)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return self._chance.random() < 0.5
        if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            return self._chance.choice([*(value.number for value in field.enum_type.values), 99, -1])
        return self._integer(field)

    def _integer(self, field: Any) -> int:
        bits = 31 if field.cpp_type == FieldDescriptor.CPPTYPE_INT32 else 63
        known = self._known(field.name)
        number: int = int(
            known if known is not None else self._chance.choice([*INTEGERS, self._chance.getrandbits(20)])
        )
        return max(-(1 << bits), min((1 << bits) - 1, number))

    def _bytes(self, name: str) -> bytes:
        known = self._known(name)
        return known if isinstance(known, bytes) else self._chance.choice([*BYTES, self._noise(100)])

    def _text(self, name: str) -> str:
        known = self._known(name)
        if known is None:
            return self._chance.choice(TEXTS)
        return self.mutated(str(known)) if self._chance.random() < (1 - self._temper) / 2 else str(known)

    def _known(self, name: str) -> Any:
        words = self._vocabulary.get(name)
        return self._chance.choice(list(words)) if words and self._chance.random() < self._temper else None
