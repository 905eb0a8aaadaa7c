from __future__ import annotations

from uuid import uuid4

from mayfly_storage.domain.ports import Shard


def test_every_key_falls_into_exactly_one_shard() -> None:
    shards = [Shard(index=index, count=5) for index in range(5)]
    keys = [str(uuid4()) for _ in range(100)]

    assert all(sum(shard.holds(key) for shard in shards) == 1 for key in keys)


def test_one_shard_holds_everything() -> None:
    assert Shard().holds("anything")


def test_shards_are_the_same_in_every_release() -> None:
    assert [Shard(index=i, count=3).holds("temp-audio/x.wav") for i in range(3)] == [True, False, False]
