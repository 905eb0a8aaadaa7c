"""What every Mayfly server process needs, and nothing about audio.

Import from the modules: `mayfly_runtime.server`, `mayfly_runtime.errors`, `mayfly_runtime.settings` and so on.
"""
