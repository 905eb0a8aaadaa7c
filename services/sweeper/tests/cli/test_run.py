from __future__ import annotations

import itertools
import json
import resource
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server import ServerBuilder
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import options_for_tests, running
from mayfly_sweeper.domain.items import DueReason

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from mayfly_sweeper.testing import FakeRetention

    from .conftest import Run


async def test_a_clean_sweep_exits_with_0_and_one_line(run: Run, store: FakeRetention) -> None:
    for number in range(3):
        store.add(f"audio/{number}")

    done = await run("run")

    assert done.code == 0
    assert store.left == set()
    assert done.out.startswith(
        "CLEAN: 3 found, 3 deleted (300 B), 0 already gone, 0 skipped, 0 failed, 3 verified gone"
    )
    assert done.out.count("\n") == 1
    assert done.err == ""


async def test_a_dry_run_deletes_nothing_and_says_so(run: Run, store: FakeRetention) -> None:
    store.add("audio/1")

    done = await run("run", "--dry-run")

    assert done.code == 0
    assert store.left == {"audio/1"}
    assert done.out.splitlines()[-1].startswith("CLEAN (dry run): 1 found, 1 would be deleted")


async def test_a_failed_item_exits_with_1_and_is_named_in_the_log(run: Run, store: FakeRetention) -> None:
    store.add("audio/1")
    store.add("audio/2")
    store.faults.items["audio/2"] = "BACKEND_UNAVAILABLE"

    done = await run("run")

    assert done.code == 1
    assert done.out.startswith("PARTIAL: 2 found, 1 deleted")
    assert "item_failed item=audio/2 reason=EXPIRED failure=BACKEND_UNAVAILABLE" in done.err


async def test_what_is_still_there_exits_with_1(run: Run, store: FakeRetention) -> None:
    store.add("audio/1")
    store.faults.survivors.add("audio/1")

    done = await run("run")

    assert done.code == 1
    assert "1 STILL THERE" in done.out


async def test_a_storage_that_does_not_answer_exits_with_2(run: Run) -> None:
    done = await run("run", retention_target="127.0.0.1:1", call_timeout="1s")

    assert done.code == 2
    assert done.out.startswith("FAILED")
    assert "storage at 127.0.0.1:1" in done.out


async def test_a_server_that_is_not_storages_retention_port_is_told(run: Run) -> None:
    bare = ServerBuilder(
        options_for_tests(),
        domain="other.mayfly",
        errors={},
        callers=CallerRegistry.loopback_only(),
        telemetry=Telemetry.disabled(),
    )
    async with running(bare) as server:
        done = await run("run", retention_target=server.address)

    assert done.code == 2
    assert "look whether MAYFLY_SWEEPER_RETENTION_TARGET names it." in done.out


async def test_wrong_settings_exit_with_2_and_are_told_together(run: Run) -> None:
    done = await run("run", page_size="0", time_budget="soon", retention_target="")

    assert done.code == 2
    assert "MAYFLY_SWEEPER_PAGE_SIZE" in done.err
    assert "MAYFLY_SWEEPER_TIME_BUDGET" in done.err
    assert "MAYFLY_SWEEPER_RETENTION_TARGET" in done.err
    assert "Traceback" not in done.err


async def test_a_missing_certificate_file_exits_with_2(run: Run) -> None:
    done = await run("run", retention_tls="true", retention_tls_ca="/nowhere/ca.pem")

    assert done.code == 2
    assert "/nowhere/ca.pem" in done.err
    assert "Traceback" not in done.err


async def test_a_guard_exits_with_3_and_deletes_nothing(run: Run, store: FakeRetention) -> None:
    store.add("audio/1")
    store.add("audio/2")

    done = await run("run", "--max-delete-count", "1")

    assert done.code == 3
    assert store.left == {"audio/1", "audio/2"}
    assert "max_delete_count allows 1" in done.out


async def test_a_wrong_clock_exits_with_3(run: Run, store: FakeRetention) -> None:
    store.add("audio/1")
    store.now = lambda: datetime.now(UTC) + timedelta(hours=1)

    done = await run("run")

    assert done.code == 3
    assert store.left == {"audio/1"}


async def test_the_json_is_the_whole_report(run: Run, store: FakeRetention) -> None:
    store.add("audio/1", late=30)

    done = await run("run", "--json", "--collection", "temp-audio")

    told = json.loads(done.out)
    assert (told["state"], told["collection"]) == ("CLEAN", "temp-audio")
    assert told["report"]["verified_gone"] == 1
    assert told["report"]["max_lateness_seconds"] >= 30


async def test_verbose_names_every_item(run: Run, store: FakeRetention) -> None:
    store.add("audio/1")

    done = await run("run", "--verbose")

    assert "item_deleted item=audio/1 reason=EXPIRED" in done.err


async def test_a_time_budget_below_a_second_is_refused(run: Run) -> None:
    done = await run("run", "--time-budget", "0.5")

    assert done.code == 2
    assert "at least 1 s" in done.err


async def test_on_sigterm_a_sweep_stops_between_pages_and_exits_with_1(run: Run, store: FakeRetention) -> None:
    processes: list[asyncio.subprocess.Process] = []
    numbers = itertools.count()

    def one_more_and_stop(method: str) -> None:
        # More becomes due with every purge: without the signal, only the time budget would end this sweep.
        if method == "purge":
            store.add(f"audio/{next(numbers)}", late=0)
            processes[0].terminate()

    store.add("audio/first")
    store.before_call = one_more_and_stop

    done = await run("run", "--time-budget", "60", started=processes.append, page_size="1")

    assert done.code == 1
    assert "The sweep was asked to stop." in done.out


async def test_a_dry_run_names_each_item_with_reason_size_and_age(run: Run, store: FakeRetention) -> None:
    store.add("audio/1", size_bytes=1234)
    store.add("key/lost", reason=DueReason.ORPHAN_OBJECT)

    lines = (await run("run", "--dry-run")).out.splitlines()

    assert len(lines) == 3
    assert lines[0].split()[:5] == ["EXPIRED", "would", "go", "1.2", "kB"]
    assert lines[0].endswith("audio/1")
    assert lines[1].startswith("ORPHAN_OBJECT")


async def test_a_plan_is_written_and_carried_out_exactly(run: Run, store: FakeRetention, tmp_path: Path) -> None:
    plan = str(tmp_path / "plan")
    store.add("audio/1")
    store.add("audio/2")

    planned = await run("run", "--write-plan", plan, "--json")
    assert json.loads(planned.out)["notes"] == ["The plan has 2 items."]
    assert store.left == {"audio/1", "audio/2"}

    store.add("audio/later")
    store.revive("audio/2")
    done = await run("run", "--plan", plan)

    assert done.code == 0
    assert store.left == {"audio/2", "audio/later"}
    assert done.out.startswith("CLEAN: 2 found, 1 deleted")


async def test_a_broken_plan_deletes_nothing(run: Run, store: FakeRetention, tmp_path: Path) -> None:
    store.add("audio/1")
    (tmp_path / "plan").write_text("hello\n")

    done = await run("run", "--plan", str(tmp_path / "plan"))

    assert done.code == 2
    assert "make a new one with --write-plan" in done.err
    assert store.left == {"audio/1"}


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_plan_that_cannot_be_written_ends_with_2_and_a_sentence(
    run: Run, store: FakeRetention, tmp_path: Path
) -> None:
    store.add("audio/1")

    def no_room(process: asyncio.subprocess.Process) -> None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))

    done = await run("run", "--write-plan", str(tmp_path / "plan"), started=no_room)

    assert done.code == 2
    assert f"The plan {tmp_path / 'plan'} cannot be written: File too large." in done.err
    assert names_in(tmp_path) == []


async def test_a_plan_and_a_selection_contradict_each_other(run: Run, tmp_path: Path) -> None:
    done = await run("run", "--plan", str(tmp_path / "plan"), "--days", "7")

    assert done.code == 2
    assert "exactly what the plan names" in " ".join(done.err.split())


async def test_days_path_and_store_select(run: Run, store: FakeRetention) -> None:
    store.add("audio/old", late=8 * 86_400, object_key="processed-audio/a")
    store.add("audio/new", late=6 * 86_400, object_key="processed-audio/b")
    store.add("audio/s3", late=8 * 86_400, object_key="processed-audio/c", location="S3")

    done = await run("run", "--days", "7", "--path", "processed-audio/", "--store", "local")

    assert done.code == 0
    assert store.left == {"audio/new", "audio/s3"}


async def test_shards_of_an_indexed_job_share_the_work(run: Run, store: FakeRetention) -> None:
    for number in range(9):
        store.add(f"audio/{number}")

    reports = [json.loads((await run("run", "--json", "--shard", f"{index}/2")).out) for index in range(2)]

    assert store.left == set()
    assert [report["shard"] for report in reports] == ["0/2", "1/2"]
    assert sum(report["report"]["verified_gone"] for report in reports) == 9


@pytest.mark.parametrize("shard", ["2/2", "one", "1", "-1/2", "0/0"])
async def test_a_shard_that_is_none_is_refused(run: Run, shard: str) -> None:
    done = await run("run", f"--shard={shard}")
    assert done.code == 2


async def test_a_ratio_stops_a_sweep_with_3(run: Run, store: FakeRetention) -> None:
    store.add_live_object("key/live")
    store.add("key/lost", reason=DueReason.ORPHAN_OBJECT)

    done = await run("run", "--max-delete-ratio", "0.4")

    assert done.code == 3
    assert "50% of the 2 objects" in done.out
    assert "key/lost" in store.left


async def test_a_ratio_without_a_listing_of_objects_is_refused(run: Run) -> None:
    done = await run("run", "--passes", "due", "--max-delete-ratio", "0.4")
    assert done.code == 2
    assert "needs both passes" in " ".join(done.err.split())
