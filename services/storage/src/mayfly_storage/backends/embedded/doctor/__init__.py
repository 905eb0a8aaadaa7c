"""Examines a data folder, with storage running over it or not. `examination.py` lists the checks."""
