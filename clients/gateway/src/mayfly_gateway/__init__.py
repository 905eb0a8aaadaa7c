"""The HTTP door of Mayfly: guests, apps, the OpenAI speech API and a web player. It holds no credentials."""

from __future__ import annotations
