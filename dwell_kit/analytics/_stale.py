"""Kernels that numba compiled for another version of this package are thrown away before numba reads them.

Numba unpickles the whole index of a kernel before it compares its stamp with the source, and fails there with an
AttributeError when a type that the kernel was compiled for has gone or changed its fields.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

_STAMP: Final = "dwell_kit_kernels.stamp"


def forget_stale(folder: Path) -> int:
    """Remove the compiled kernels in `folder`/__pycache__ unless they are of these sources; returns how many.

    A folder that cannot be written is left as it is: numba keeps its cache elsewhere then.
    """
    cache = folder / "__pycache__"
    stamp = hashlib.blake2b(digest_size=16)
    for source in sorted(folder.glob("*.py")):
        known = source.stat()
        stamp.update(f"{source.name} {known.st_size} {known.st_mtime_ns}\n".encode())
    said = cache / _STAMP
    try:
        if said.read_text() == stamp.hexdigest():
            return 0
    except (OSError, ValueError):
        pass
    stale = [*cache.glob("*.nbi"), *cache.glob("*.nbc")]
    try:
        for path in stale:
            path.unlink(missing_ok=True)
        cache.mkdir(exist_ok=True)
        said.write_text(stamp.hexdigest())
    except OSError:
        return 0
    return len(stale)
