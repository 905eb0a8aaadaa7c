from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import mayfly_client
from mayfly_client import AsyncClient, Client, errors, results

# A name that is None in sys.modules cannot be imported: the same as if it were not installed.
WITHOUT_EXTRA = "import sys; sys.modules.update(typer=None, rich=None); "


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def test_everything_public_is_named_once_and_there() -> None:
    names = mayfly_client.__all__

    assert len(names) == len(set(names))
    assert all(hasattr(mayfly_client, name) for name in names)
    assert {*errors.__all__, *results.__all__} <= set(names)


def test_the_library_needs_neither_the_extra_nor_a_service() -> None:
    code = WITHOUT_EXTRA + (
        "import mayfly_client, mayfly_client.testing; "
        "loaded = {name.partition('.')[0] for name in sys.modules if sys.modules[name]}; "
        "print(sorted(loaded & {'typer', 'rich'} | {name for name in loaded if name.startswith('mayfly_')}))"
    )

    done = python(code)

    assert (done.stdout, done.stderr) == ("['mayfly_client']\n", "")


def test_without_the_extra_the_command_says_what_to_install() -> None:
    done = python(WITHOUT_EXTRA + "from mayfly_client.cli import main; main()")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "pip install 'mayfly-client[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def public_methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_kinds_of_client_have_the_same_methods() -> None:
    assert public_methods(AsyncClient).keys() == public_methods(Client).keys()


@pytest.mark.parametrize("name", sorted(public_methods(AsyncClient)))
def test_both_kinds_of_client_take_the_same_arguments(name: str) -> None:
    theirs = public_methods(AsyncClient)[name].parameters
    ours = public_methods(Client)[name].parameters

    assert [(each.name, each.kind, each.default) for each in theirs.values()] == [
        (each.name, each.kind, each.default) for each in ours.values()
    ]


@pytest.mark.parametrize("kind", [AsyncClient, Client])
@pytest.mark.parametrize("name", sorted(set(public_methods(AsyncClient)) - {"close"}))
def test_every_call_has_a_bound(kind: type, name: str) -> None:
    assert "timeout" in public_methods(kind)[name].parameters
