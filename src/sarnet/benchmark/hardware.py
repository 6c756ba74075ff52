"""What a time was measured on."""

import platform
import re
from pathlib import Path

from sarnet.config import cores

_LINUX = Path("/proc/cpuinfo")


def hardware() -> str:
    """Return the processor's name, where the system tells it, and the number of cores that this process may use."""
    told = _LINUX.read_text(encoding="utf-8", errors="replace") if _LINUX.is_file() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", told, flags=re.MULTILINE)
    name = model.group(1) if model else platform.processor() or platform.machine()
    return f"{name}, {cores()} cores"
