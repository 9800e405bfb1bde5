# SPDX-License-Identifier: Apache-2.0
"""The bar chart of the comparison."""

from benchmarks.peers.cases import TITLES
from benchmarks.peers.process import PEERS

BAR_SHARE = 0.72  # of a panel's width for the longest bar; behind it stands its text


def significant(value, digits):
    """A number above 0 with so many significant digits, thousands apart: 12,160 or 0.3344."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    decimals = digits - 1 - int(exponent)
    return f"{float(f'{mantissa}e{exponent}'):,.{max(decimals, 0)}f}"


def draw(rows, path):
    """Bars of the 1-thread medians, one panel per network, into a PNG file."""
    bars(rows).savefig(path, dpi=110, format="png")


def bars(rows):
    """The figure that `draw` writes."""
    from matplotlib.figure import Figure

    rows = [row for row in rows if int(row["threads"]) == 1]
    cases = [case for case in TITLES if any(row["case"] == case for row in rows)]
    figure = Figure(figsize=(9, 3.2 * len(cases)), layout="constrained")
    axes = figure.subplots(len(cases), 1, squeeze=False)
    for axis, case in zip(axes[:, 0], cases, strict=True):
        mine = [row for row in rows if row["case"] == case]
        labels = [PEERS[row["peer"]].label.replace("**", "") for row in mine]
        times = [float(row["median_ms"]) for row in mine]
        colors = ["#c0392b" if row["peer"].startswith("engine") else "#8fa3b5" for row in mine]
        axis.barh(labels, times, color=colors)
        axis.invert_yaxis()
        axis.set_xscale("log")
        left = min(times) / 2
        axis.set_xlim(left, left * (max(times) / left) ** (1 / BAR_SHARE))
        for place, row in enumerate(mine):
            has_ratio = row["ratio"] and row["peer"] != "engine"
            ratio = f"  ({significant(float(row['ratio']), 3)}x)" if has_ratio else ""
            axis.text(times[place] * 1.05, place, f"{significant(times[place], 4)} ms{ratio}", va="center", fontsize=8)
        axis.set_title(TITLES[case], fontsize=10, loc="left")
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Milliseconds per run, one thread (logarithmic; in brackets: times the engine's)", fontsize=11)
    return figure
