# SPDX-License-Identifier: Apache-2.0
"""The page and the chart of the comparison, made from the rows of its CSV."""

from pathlib import Path

from adabin.utils.files import replacing
from benchmarks.peers.cases import LAYERS, LONG, NETWORKS, PEAK, SHORT, TITLES
from benchmarks.peers.chart import draw
from benchmarks.peers.process import PEERS

# (case, peer, threads, least ratio of the peer's time to the engine's)
GOALS = (
    ("resnet18_imagenet", "openvino-binary", 1, 1 / 0.75),
    ("resnet18_imagenet", "onnxruntime-int8", 1, 2.2),
    ("resnet18_imagenet", "onnxruntime-fp32", 1, 7.5),
    ("resnet18_imagenet", "larq", 1, 5),
    ("resnet18_cifar", "onnxruntime-int8", 1, 4),
    ("resnet18_cifar", "onnxruntime-fp32", 1, 15),
    ("resnet20", "onnxruntime-int8", 1, 3),
    ("resnet20", "onnxruntime-fp32", 1, 7),
    ("resnet20_b100", "onnxruntime-int8", 1, 3),
    ("resnet20_b100", "onnxruntime-fp32", 1, 7),
)
PEAK_SHARES = {"64@56": 0.70, "128@28": 0.80, "256@14": 0.85, "512@7": 0.85}


def select(rows, **wanted):
    """The row with these values, or None."""
    return next((row for row in rows if all(str(row[key]) == str(value) for key, value in wanted.items())), None)


def layer_times(rows, peer):
    """{layer: ms of one layer}: what a layer more costs in a long chain, from the chains that were measured."""
    times = {}
    for name in LAYERS:
        ends = [select(rows, case=f"layer_{name}_x{count}", peer=peer, threads=1) for count in (SHORT, LONG)]
        if all(ends):
            times[name] = (float(ends[1]["median_ms"]) - float(ends[0]["median_ms"])) / (LONG - SHORT)
    return times


def table(header, lines):
    """Markdown lines of a table whose first column is text."""
    yield f"| {' | '.join(header)} |"
    yield "|---" + "|---:" * (len(header) - 1) + "|"
    for line in lines:
        yield f"| {' | '.join(line)} |"


def _milliseconds(text):
    return f"{float(text):.0f}" if float(text) >= 1000 else f"{float(text):.3g}"


def _network_table(rows, case):
    mine = [row for row in rows if row["case"] == case]
    threads = sorted({int(row["threads"]) for row in mine})
    header = [TITLES[case]]
    for count in threads:
        header += [f"{count} thread{'s' * (count > 1)}: ms, median (min)", "x the engine"]
    lines = []
    for peer in PEERS.values():
        found = [select(mine, peer=peer.name, threads=count) for count in threads]
        if any(found):
            line = [peer.label]
            for row in found:
                time = f"{_milliseconds(row['median_ms'])} ({_milliseconds(row['min_ms'])})" if row else "–"
                line += [time, f"{float(row['ratio']):.2f}" if row and row["ratio"] else "–"]
            lines.append(line)
    return table(header, lines) if lines else ()


def _layer_table(rows):
    lines = []
    for peer in PEERS.values():
        times = layer_times(rows, peer.name)
        if times:
            lines.append([peer.label, *(f"{times[name]:.4f}" if name in times else "–" for name in LAYERS)])
        at_peak = select(rows, case=PEAK.name, peer=peer.name)
        if times and at_peak:
            shares = (f"{float(at_peak['median_ms']) / times[name]:.0%}" if name in times else "–" for name in LAYERS)
            lines.append([f"– share of the popcount peak, {float(at_peak['median_ms']):.4f} ms", *shares])
    return table(["ms per layer, 1 thread", *LAYERS], lines) if lines else ()


def _goal_table(rows):
    lines = []
    for case, peer, threads, least in GOALS:
        row = select(rows, case=case, peer=peer, threads=threads)
        if row and row["ratio"]:
            met = "yes" if float(row["ratio"]) >= least else "**no**"
            lines.append([f"{TITLES[case]}: {PEERS[peer].label}", f"{least:.2f}", f"{float(row['ratio']):.2f}", met])
    one, two = (select(rows, case="resnet18_imagenet", peer="engine", threads=count) for count in (1, 2))
    if one and two:
        gain = float(one["median_ms"]) / float(two["median_ms"])
        lines.append(["ResNet-18, 2 threads against 1", "1.80", f"{gain:.2f}", "yes" if gain >= 1.8 else "**no**"])
    forced, fp32 = (
        select(rows, case="resnet18_imagenet", peer=peer, threads=1) for peer in ("engine-avx2", "onnxruntime-fp32")
    )
    if forced and fp32:
        gain = float(fp32["median_ms"]) / float(forced["median_ms"])
        text = ["ResNet-18, held to AVX2, against ONNX Runtime fp32 with all it has"]
        lines.append([*text, "5.00", f"{gain:.2f}", "yes" if gain >= 5 else "**no**"])
    ours, theirs = (layer_times(rows, peer) for peer in ("engine", "openvino-binary-nobeta"))
    for name in LAYERS:
        if name in ours and name in theirs:
            gain = theirs[name] / ours[name]
            met = "yes" if gain >= 1 else "**no**"
            lines.append([f"layer {name}: {PEERS['openvino-binary-nobeta'].label}", "1.00", f"{gain:.2f}", met])
    at_peak = select(rows, case=PEAK.name, peer="engine")
    for name in ours if at_peak else ():
        share, least = float(at_peak["median_ms"]) / ours[name], PEAK_SHARES[name]
        met = "yes" if share >= least else "**no**"
        lines.append([f"layer {name}: share of the popcount peak", f"{least:.2f}", f"{share:.2f}", met])
    return table(["times faster", "goal", "measured", "met"], lines) if lines else ()


def _size_table(rows):
    lines = []
    for case in TITLES:
        row = select(rows, case=case, peer="engine", threads=1)
        if row and row["peak_memory_mb"]:
            size = f"{int(row['model_bytes']) / 1e6:.2f}"
            lines.append([TITLES[case], size, f"{float(row['peak_memory_mb']):.1f}"])
    return table(["AdaBin engine", "packed file, MB", "peak resident memory, MiB"], lines) if lines else ()


def _programs_table(rows):
    lines = []
    for peer in PEERS.values():
        mine = [row for row in rows if row["peer"] == peer.name and row["case"] in TITLES]
        if mine:
            kinds = " ".join(sorted({row["isa"] for row in mine}, key=len)[-1:])
            exact = max(float(row["difference"]) for row in mine)
            check = f"{exact:.0e}" if peer.name != "openvino-binary-nobeta" else "not AdaBin's arithmetic"
            lines.append([peer.label, mine[-1]["version"], kinds.replace("|", "/"), check])
    return table(["program", "version", "instruction set, as it says", "largest difference"], lines) if lines else ()


HEAD = [
    "Made by `python benchmarks/compare_peers.py` from `results/compare_peers/results.csv`, which holds commands,",
    "versions and instruction sets; do not edit.",
]
CONDITIONS = [
    "Random weights. Ratios are medians over rounds in which the programs alternate; jobs of one thread are pinned to",
    "one core. The engine runs the exported AdaBin network as it is, with Maxout and beta_w. The others are given",
    "easier work: the float and int8 networks have ReLU in place of Maxout, Larq's has neither a nonlinearity nor",
    "beta_w, and for ONNX Runtime and OpenVINO poolings and Maxout take fewer operators than MindSpore exports.",
]
SECTIONS = (
    ("One layer", "3x3, binary, with BatchNorm, residual, nonlinearity: long chain minus short chain.", _layer_table),
    ("Goals", "", _goal_table),
    ("Memory", "", _size_table),
    ("Programs", "Differences are from MindSpore's outputs (Larq: Keras'), relative to the largest.", _programs_table),
)


def markdown(rows):
    """The page."""
    devices = sorted({row["device"] for row in rows})
    dates = sorted({row["date"] for row in rows})
    days = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if rows else ""
    parts = [
        ["# Speed against other programs"],
        HEAD,
        [f"Machine: {'; '.join(devices)}. Measured {days}.", *CONDITIONS] if rows else [],
        ["![Milliseconds per run, one thread](peers.png)"] if rows else ["Nothing has been measured yet."],
        *(list(_network_table(rows, case.name)) for case in NETWORKS),
    ]
    for title, text, make in SECTIONS:
        lines = list(make(rows))
        parts += [[f"## {title}"], [text] if text else [], lines] if lines else []
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def write_report(rows, folder):
    """Write peers.md and, if a network was measured, peers.png into a folder; returns the paths."""
    folder = Path(folder)
    files = [folder / "peers.md"]
    with replacing(files[0]) as temporary:
        temporary.write_text(markdown(rows), encoding="utf-8")
    if any(row["case"] in TITLES and int(row["threads"]) == 1 for row in rows):
        files.append(folder / "peers.png")
        with replacing(files[1]) as temporary:
            draw(rows, temporary)
    return files
