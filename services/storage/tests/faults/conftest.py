"""Profiles for random histories: `--hypothesis-profile=thorough --timeout=0` runs fifty times as many."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("thorough", max_examples=50 * settings.get_profile("default").max_examples)
