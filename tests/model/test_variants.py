"""The protocol keeps its promises, and needs each safeguard: without it, one breaks by a path that is printed."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pytest

from tests.model.search import Broken, explore
from tests.model.variants import SAVING, VARIANTS, Variant

if TYPE_CHECKING:
    from collections.abc import Iterable


def named(variants: Iterable[Variant]) -> list[object]:
    return [pytest.param(variant, id=variant.name) for variant in variants]


@pytest.mark.parametrize("variant", named(chain.from_iterable(VARIANTS.values())))
def test_a_variant_breaks_what_it_is_expected_to_break_and_nothing_else_does(variant: Variant) -> None:
    verdict = explore(variant.model)

    assert verdict.broken is variant.breaks, "; ".join(verdict.path)


def test_thirteen_of_the_fourteen_simplifications_fail() -> None:
    assert [variant.breaks is None for variant in SAVING].count(True) == 2
    assert len(SAVING) == 1 + 14


def test_system_a_loses_audio_in_seven_steps() -> None:
    system_a = next(variant for variant in SAVING if "no grace (system A)" in variant.name)

    verdict = explore(system_a.model)

    assert verdict.broken is Broken.LOST
    assert verdict.path[-2:] == ("W4 acknowledges", "deletes the orphan")
    assert len(verdict.path) == 7
