"""Run one job in a process of its own, and say what it cost."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_MIB_PER_UNIT = 1 / 1024 if sys.platform == "linux" else 1 / 2**20  # ru_maxrss: KiB on Linux, bytes on macOS


@dataclass
class Cost:
    """What a job took: seconds of wall clock and CPU, peak resident memory of its whole process."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    result: Any = None


def timed(job: Callable[[], Any]) -> Cost:
    """Run `job` here and now."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = job()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(round(wall, 4), round(cpu, 4), round(peak_mib(), 1), result)


def peak_mib() -> float:
    """Peak resident memory of this program.

    Linux's ru_maxrss begins with what the starting process held when it forked; VmHWM begins with the program.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MIB_PER_UNIT


def apart(module: str, *arguments: str, repeat: int = 1) -> Cost:
    """Run `python -m module arguments` `repeat` times; the run with the median wall time (lower of two)."""
    costs = [_once(module, arguments) for _ in range(repeat)]
    middle = statistics.median_low([cost.wall_s for cost in costs])
    return next(cost for cost in costs if cost.wall_s == middle)


def _once(module: str, arguments: tuple[str, ...]) -> Cost:
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{done.stderr}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def cached(path: Path) -> None:
    """Read a file once, so that every engine finds it in the page cache."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def report(cost: Cost) -> None:
    """Hand a cost to the parent process."""
    print(json.dumps(asdict(cost), default=str))
