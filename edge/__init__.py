"""The gate: scan → decide → record → act. The story is `gate.py`."""
