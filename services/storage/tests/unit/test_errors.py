"""The words of the domain's errors: what was wrong, with which value, what to do."""

from __future__ import annotations

import pytest

from mayfly_storage.domain import errors


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.CollectionUnknownError("x", ["b", "a"]), "There is no collection 'x'. Use one of: a, b."),
        (errors.AudioTooLargeError(9, 5, "x"), "9 bytes are too many: collection 'x' takes at most 5."),
        (
            errors.ContentTypeNotAllowedError("t", "x", ["b", "a"]),
            "Collection 'x' does not take 't'. Use one of: a, b.",
        ),
        (
            errors.ContentMismatchError("size_bytes", expected=1, actual=2),
            "size_bytes is 2, announced was 1. Nothing was stored; upload again with a new request_id.",
        ),
        (
            errors.CertificateConflictError(""),
            "The empty hash is not the newest certificate. Read the newest one and append again.",
        ),
        (
            errors.CertificateConflictError("9f86"),
            "9f86 is not the newest certificate. Read the newest one and append again.",
        ),
    ],
)
def test_a_message_names_the_values_and_what_is_allowed(error: Exception, message: str) -> None:
    assert str(error) == message


def every_kind(of: type[errors.StorageError]) -> list[type[errors.StorageError]]:
    return [kind for child in of.__subclasses__() for kind in (child, *every_kind(child))]


def test_everything_that_storage_refuses_has_one_base() -> None:
    named = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert {kind for kind in named if kind is not errors.StorageError} == set(every_kind(errors.StorageError))
