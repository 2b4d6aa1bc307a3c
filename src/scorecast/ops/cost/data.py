"""The bill's data files: prices.json, kept by hand, and measured.json, which bench/report/measured.py makes."""

from __future__ import annotations

import json
from importlib.resources import files

from scorecast.ops.cost.bill import Model


def load_model() -> Model:
    """Load the model with the package's price table and measurements."""
    folder = files("scorecast.ops.cost")
    prices, measured = (json.loads((folder / name).read_text("utf-8")) for name in ("prices.json", "measured.json"))
    return Model(prices, measured)
