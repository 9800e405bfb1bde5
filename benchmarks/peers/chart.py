# SPDX-License-Identifier: Apache-2.0
"""The bar chart of the comparison."""

from benchmarks.peers.cases import TITLES
from benchmarks.peers.process import PEERS


def draw(rows, path):
    """Bars of the 1-thread medians, one panel per network, into a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [row for row in rows if int(row["threads"]) == 1]
    cases = [case for case in TITLES if any(row["case"] == case for row in rows)]
    figure, axes = pyplot.subplots(len(cases), 1, figsize=(9, 3.2 * len(cases)), squeeze=False, layout="constrained")
    for axis, case in zip(axes[:, 0], cases, strict=True):
        mine = [row for row in rows if row["case"] == case]
        labels = [PEERS[row["peer"]].label.replace("**", "") for row in mine]
        times = [float(row["median_ms"]) for row in mine]
        colors = ["#c0392b" if row["peer"].startswith("engine") else "#8fa3b5" for row in mine]
        axis.barh(labels, times, color=colors)
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.set_xlim(min(times) / 2, max(times) * 8)
        for place, row in enumerate(mine):
            ratio = f"  ({float(row['ratio']):.2f}x)" if row["ratio"] and row["peer"] != "engine" else ""
            axis.text(times[place] * 1.05, place, f"{times[place]:.4g} ms{ratio}", va="center", fontsize=8)
        axis.set_title(TITLES[case], fontsize=10, loc="left")
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Milliseconds per run, one thread (logarithmic; in brackets: times the engine's)", fontsize=11)
    figure.savefig(path, dpi=110, format="png")
    pyplot.close(figure)
