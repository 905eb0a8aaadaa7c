"""Generate clients/python/protos/src from protos/. The only way in which stubs are made.

Runs in the environment of requirements/protos.txt, whose generator is as old as the oldest gRPC runtime
that callers may have. `--check` writes nothing and fails when the committed stubs differ.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
STUBS = ROOT / "clients/python/protos/src"


def generate(out: Path) -> None:
    """Run protoc over every contract; path = protobuf package = Python import, so nothing is rewritten."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    plugins = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    outputs = [f"--{kind}={out}" for kind in ("python_out", "grpc_python_out")]
    outputs += [f"--{kind}=quiet:{out}" for kind in ("mypy_out", "mypy_grpc_out")]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", *outputs, *sources]
    subprocess.run(command, check=True, env={**os.environ, **plugins})
    drop_empty_grpc_stubs(out)
    for package in sorted(path for path in out.glob("mayfly/*/v1")):
        (package / "py.typed").touch()


def drop_empty_grpc_stubs(out: Path) -> None:
    """Protoc writes a *_pb2_grpc module for files without a service, too; they would only be noise."""
    for module in out.rglob("*_pb2_grpc.py*"):
        if "Stub" not in module.read_text():
            module.unlink()


def differences(made: Path, committed: Path) -> list[str]:
    """Names that differ, are missing or are left over, relative to the stubs' folder."""
    names = {
        str(p.relative_to(base))
        for base in (made, committed)
        for p in base.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    _, mismatch, errors = filecmp.cmpfiles(made, committed, sorted(names), shallow=False)
    return sorted([*mismatch, *errors])


def main() -> None:
    """Generate into a temporary folder, then compare or replace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the committed stubs differ; write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        generate(made)
        changed = differences(made, STUBS)
        if check and changed:
            sys.exit("stubs differ from protos/: run `make protos` and commit:\n  " + "\n  ".join(changed))
        if not check:
            shutil.rmtree(STUBS, ignore_errors=True)
            shutil.copytree(made, STUBS)
    print(f"stubs {'agree' if check else 'written'}: {STUBS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
