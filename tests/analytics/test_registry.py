from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from dwell_kit.analytics.registry import QUANTITIES, get
from dwell_kit.errors import NotFoundError


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_every_quantity_has_its_function(name):
    quantity = get(name)
    signature = inspect.signature(quantity.compute)
    positional = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert len(positional) == len(quantity.takes)
    assert set(quantity.defaults) <= set(signature.parameters)
    assert quantity.title
    assert quantity.spec.startswith("S")
    assert quantity.description.endswith(".")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(NotFoundError, match="peak_hour"):
        get("peek_hour")


def test_importing_it_is_light():
    heavy = "[m for m in ('numba', 'polars', 'pandas') if m in sys.modules]"
    code = f"import sys, dwell_kit.analytics.registry; print({heavy})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
