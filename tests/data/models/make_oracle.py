"""Writes oracle.json: the same journeys by two other libraries, mta 0.0.9 and shapley-attribution 2.1.0.

They need pandas and scikit-learn, far too much for a test run, so their answers are kept. To make them again,
in a virtual environment of its own, pip install mta==0.0.9 shapley-attribution==2.1.0 matplotlib; run this.

mta's closed form adds up observed paths only, so its answer is that of the chain where every path of the
chain was observed (`complete`); for `cyclic` its simulation of the chain is used, 200 000 visitors.
"""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np  # type: ignore[import-not-found, unused-ignore]
import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
from mta import MTA  # type: ignore[import-not-found, unused-ignore]
from shapley_attribution import SimplifiedShapleyAttribution  # type: ignore[import-not-found, unused-ignore]

COMPLETE = [
    ["".join(path), 2 + 5 * i % 7, 1 + 11 * i % 13]
    for size in (1, 2, 3, 4)
    for i, path in enumerate(combinations("ABCD", size))
]
CYCLIC = [
    ["A", 3, 9],
    ["AB", 4, 6],
    ["BA", 2, 2],
    ["BABA", 1, 3],
    ["CAB", 5, 4],
    ["BC", 0, 7],
    ["CACB", 2, 1],
]


def by_mta(paths: list[list[Any]], simulated: bool) -> dict[str, float]:
    """Shares by the removal effect; a path is a text of one-letter campaigns, its orders and its nothings."""
    rows = [(" > ".join(path), orders, nothing) for path, orders, nothing in paths]
    model = MTA(pd.DataFrame(rows, columns=["path", "total_conversions", "total_null"]))
    if simulated:
        np.random.seed(4)
        whole = model.simulate_path
        model.simulate_path = lambda *args, **named: whole(*args, **named, n=200_000)
    return dict(model.markov(sim=simulated).attribution["markov"])


def by_shapley_attribution(paths: list[list[Any]]) -> dict[str, float]:
    """Shares by the Shapley value of converting journeys."""
    journeys = [list(path) for path, orders, _ in paths for _ in range(orders)]
    model = SimplifiedShapleyAttribution().fit(journeys)
    return {str(k): float(v) for k, v in zip(model.channels_, model.get_attribution_array(), strict=True)}


answers = {
    name: {
        "paths": paths,
        "markov": by_mta(paths, name == "cyclic"),
        "shapley": by_shapley_attribution(paths),
    }
    for name, paths in (("complete", COMPLETE), ("cyclic", CYCLIC))
}
(Path(__file__).parent / "oracle.json").write_text(json.dumps(answers, indent=1) + "\n")
