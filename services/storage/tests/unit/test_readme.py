"""The settings table of the README says what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mayfly_runtime.settings import ServerSettings
from mayfly_storage.config import StorageSettings

if TYPE_CHECKING:
    from mayfly_runtime.settings import SettingReference

README = Path(__file__).resolve().parents[2] / "README.md"


def row(setting: SettingReference) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    aliases = "".join(f" Also `{alias}`." for alias in setting.aliases)
    file = f" Or `{setting.variable}_FILE`." if setting.secret else ""
    return f"| `{setting.variable}` | {default} | {setting.meaning}{aliases}{file} |"


def test_the_table_of_settings_is_complete_and_true() -> None:
    of_every_server = {f"MAYFLY_STORAGE_{name}".upper() for name in ServerSettings.model_fields}
    own = [row(each) for each in StorageSettings.reference() if each.variable not in of_every_server]

    assert re.findall(r"^\| `MAYFLY_STORAGE_.*", README.read_text(), re.MULTILINE) == own
