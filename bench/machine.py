"""The machine that was measured on, as it is named beside each figure."""

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processors, system, Python, and how busy it was before."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line[:10] == "model name"]
    processor = names[0] if names else platform.processor() or platform.machine()
    load = " ".join(f"{figure:.1f}" for figure in os.getloadavg())
    system = f"{platform.system()} {platform.release()}, {platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} × {processor}, {system}; load before: {load}"
