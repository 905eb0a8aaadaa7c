"""Examines bucket, table, credentials and links. A check is a small function; `examination.py` lists them."""
