"""Whether protos/ breaks callers of the last landed contracts.

Compares with the merge base of origin/main where there is one, else with the commit before; a repository with a single
commit has nothing to compare with. buf reads both sides as folders, so that no remote module is needed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def git(*arguments: str) -> str:
    """The output of a git command; empty if it fails (no such revision, no repository)."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def base_revision() -> str:
    """What to compare with: the branch that this work is to land on, or the commit before."""
    head = git("rev-parse", "HEAD")
    candidates = (git("merge-base", "HEAD", "origin/main"), git("rev-parse", "--verify", "HEAD~1"))
    return next((revision for revision in candidates if revision and revision != head), "")


def main() -> None:
    """Exit with 0 if nothing breaks or there is nothing to compare with, else with buf's answer."""
    base = base_revision()
    if not base or not git("ls-tree", base, "protos/"):
        print("nothing to compare with")
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", base, "protos", "buf.yaml"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        done = subprocess.run(
            [Path(sys.executable).parent / "buf", "breaking", "--against", folder], cwd=ROOT, check=False
        )
    print(f"compared with {base[:12]}")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
