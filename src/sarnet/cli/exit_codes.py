"""How the program ends, as docs/design.md lists: 0 is done, 1 a bug in sarnet."""

INPUT_AT_FAULT = 2
LEFT_OUT = 3
"""Done, but some of many inputs were left out, and ``--strict`` was given."""
INTERRUPTED = 130
"""Stopped by hand, as shells have it."""
