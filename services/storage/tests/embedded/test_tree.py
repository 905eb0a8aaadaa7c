"""Walking through files in the order of their keys, some at a time."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mayfly_storage.backends.embedded.tree import walk

parts = st.text("ab/0.~é", min_size=1, max_size=2).filter(lambda part: "/" not in part and part not in {".", ".."})
keys = st.lists(st.lists(parts, min_size=1, max_size=3).map("/".join), max_size=12, unique=True)


def made(root: Path, wanted: list[str]) -> list[str]:
    """Files at those keys that can lie side by side: no file is another's folder."""
    there = []
    for key in wanted:
        path = root / key
        if any(parent.is_file() for parent in path.parents) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        there.append(key)
    return sorted(there, key=str.encode)


@given(wanted=keys, prefix=st.sampled_from(["", "a", "a/", "b/a"]), most=st.integers(1, 4), data=st.data())
def test_keys_come_in_order_however_few_names_are_read_at_a_time(
    wanted: list[str], prefix: str, most: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        there = made(Path(folder), wanted)
        after = data.draw(st.sampled_from(["", *there, "a", "a/"]))

        found = [key for key, _ in walk(Path(folder), prefix=prefix, after=after, most=most)]

    assert found == [key for key in there if key.startswith(prefix) and key.encode() > after.encode()]


def test_files_that_go_meanwhile_hide_none_that_stay(tmp_path: Path) -> None:
    there = made(tmp_path, [f"day/{number}" for number in range(9)])
    walking = walk(tmp_path, prefix="", after="", most=3)

    first, _ = next(walking)
    for key in there[1:5]:
        (tmp_path / key).unlink()

    assert [first, *(key for key, _ in walking)] == [there[0], *there[5:]]
