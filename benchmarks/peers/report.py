# SPDX-License-Identifier: Apache-2.0
"""The page and the chart of the comparison, made from the rows of its CSV."""

from functools import partial
from pathlib import Path

from adabin.utils.files import replacing
from benchmarks.peers.cases import ABSENT, HEADS, LAYER_MACS, LAYERS, NETWORKS, PEAK, RESNET_MAPS, TITLES, VGG_MAPS
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
    ("ssd300", "openvino-binary", 1, 1.3),
    ("ssd300", "onnxruntime-int8", 1, 2.5),
    ("ssd300", "onnxruntime-fp32", 1, 8),
)
TWO_THREADS = ("resnet18_imagenet", "ssd300")  # at least 1.8 times as fast as one
# (kind, first and last channels, peer, least ratio)
LAYER_GOALS = (
    ("layer", ("56", "28", "14", "7"), "openvino-binary-nobeta", 1),
    ("layer", ("300", "150", "75", "38"), "openvino-binary", 1.3),
    ("bits", ("300", "150", "75", "38"), "openvino-binary", 1.3),
    ("head", ("38-16", "38-84", "19-24", "19-126"), "openvino-fp32", 1),
)
PEAK_SHARES = {
    "layer": {"64@56": 0.70, "128@28": 0.80, "256@14": 0.85, "512@7": 0.85}
    | dict.fromkeys(("64@300", "128@150", "256@75", "512@38"), 0.5),
    "bits": dict.fromkeys(("128@150", "256@75", "512@38"), 0.7),
}


def select(rows, **wanted):
    """The row with these values, or None."""
    return next((row for row in rows if all(str(row[key]) == str(value) for key, value in wanted.items())), None)


def layer_times(rows, peer, kind="layer"):
    """{layer: ms of one layer}: what a layer more costs in a long chain, from the chains that were measured."""
    times = {}
    for layer in LAYERS:
        ends = [select(rows, case=layer.case(count).name, peer=peer, threads=1) for count in layer.ends]
        if layer.kind == kind and all(ends):
            short, long = (float(end["median_ms"]) for end in ends)
            times[layer.name] = (long - short) / (layer.ends[1] - layer.ends[0])
    return times


def at_peak(rows, peer):
    """{layer: ms at the popcount peak of the peer's kernel}; empty if that was not measured."""
    row = select(rows, case=PEAK.name, peer=peer)
    return {layer.name: float(row["median_ms"]) * layer.macs / LAYER_MACS for layer in LAYERS} if row else {}


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
        elif mine and (case, peer.name) in ABSENT:
            lines.append([f"{peer.label}: {ABSENT[case, peer.name]}", *(["–"] * (len(header) - 1))])
    return table(header, lines) if lines else ()


def _layer_table(kind, maps, rows):
    names = [layer.name for layer in LAYERS if layer.kind == kind and (layer.channels, layer.size) in maps]
    lines = []
    for peer in PEERS.values():
        times, peak = layer_times(rows, peer.name, kind), at_peak(rows, peer.name)
        if times.keys() & set(names):
            lines.append([peer.label, *(f"{times[name]:.4f}" if name in times else "–" for name in names)])
            if peak and kind != "head":
                shares = (f"{peak[name] / times[name]:.0%}" if name in times else "–" for name in names)
                lines.append(["– share of the popcount peak", *shares])
    return table(["ms per layer, 1 thread", *names], lines) if lines else ()


def _goal(text, least, found, most=None):
    met = "yes" if found >= least else "**no**"
    return [text, f"{least:.2f}", f"{found:.2f}", f"{most:.2f}" if most else "–", met]


def _network_goals(rows):
    for case, peer, threads, least in GOALS:
        row = select(rows, case=case, peer=peer, threads=threads)
        if row and row["ratio"]:
            yield _goal(f"{TITLES[case]}: {PEERS[peer].label}", least, float(row["ratio"]))
    for case in TWO_THREADS:
        one, two = (select(rows, case=case, peer="engine", threads=count) for count in (1, 2))
        if one and two:
            gain = float(one["median_ms"]) / float(two["median_ms"])
            yield _goal(f"{TITLES[case].partition(',')[0]}, 2 threads against 1", 1.8, gain)
    forced, fp32 = (
        select(rows, case="resnet18_imagenet", peer=peer, threads=1) for peer in ("engine-avx2", "onnxruntime-fp32")
    )
    if forced and fp32:
        gain = float(fp32["median_ms"]) / float(forced["median_ms"])
        yield _goal("ResNet-18, held to AVX2, against ONNX Runtime fp32 with all it has", 5, gain)


def _layer_goals(rows):
    peak = at_peak(rows, "engine")
    for kind, maps, peer, least in LAYER_GOALS:
        ours, theirs = (layer_times(rows, name, kind) for name in ("engine", peer))
        for name in ours:
            if name.partition("@")[2] in maps and name in theirs:
                most = theirs[name] / peak[name] if peak and kind != "head" else None
                yield _goal(f"{kind} {name}: {PEERS[peer].label}", least, theirs[name] / ours[name], most)
    for kind, shares in PEAK_SHARES.items() if peak else ():
        ours = layer_times(rows, "engine", kind)
        for name in (name for name in shares if name in ours):
            yield _goal(f"{kind} {name}: share of the popcount peak", shares[name], peak[name] / ours[name])


def _goal_table(rows):
    lines = [*_network_goals(rows), *_layer_goals(rows)]
    return table(["times faster", "goal", "measured", "at the popcount peak", "met"], lines) if lines else ()


def _size_table(rows):
    lines = []
    for case in TITLES:
        line = [TITLES[case]]
        for peer in ("engine", "onnxruntime-fp32"):
            row = select(rows, case=case, peer=peer, threads=1)
            told = row and row["peak_memory_mb"]
            line += [f"{int(row['model_bytes']) / 1e6:.2f}", f"{float(row['peak_memory_mb']):.1f}"] if told else "––"
        if line[1] != "–":
            lines.append(line)
    header = [
        "MB; MiB",
        "packed file",
        "engine, peak resident memory",
        "float file",
        "ONNX Runtime fp32 in Python, peak",
    ]
    return table(header, lines) if lines else ()


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
CHAIN = "long chain minus short chain."
SECTIONS = (
    (
        "One layer",
        f"3x3, binary, with BatchNorm, residual, nonlinearity: {CHAIN}",
        partial(_layer_table, "layer", RESNET_MAPS),
    ),
    ("One layer of SSD300's body", "The same on larger maps.", partial(_layer_table, "layer", VGG_MAPS)),
    (
        "The same without a residual",
        "The next layer reads nothing of it but bits.",
        partial(_layer_table, "bits", VGG_MAPS),
    ),
    (
        "One float head of SSD300",
        f"3x3 with bias; channels@size of its map, and its own channels; boxes in order: {CHAIN}",
        partial(_layer_table, "head", [shape[:2] for shape in HEADS]),
    ),
    (
        "Goals",
        "At the popcount peak: what the peer's time would be times that of a layer that did nothing but count.",
        _goal_table,
    ),
    ("Memory", "", _size_table),
    ("Programs", "Differences are from MindSpore's outputs (Larq: Keras'), relative to the largest.", _programs_table),
)


def _where(what, rows):
    """Line that tells machine and days of some rows."""
    devices = sorted({row["device"] for row in rows})
    dates = sorted({row["date"] for row in rows})
    return f"{what} measured on: {'; '.join(devices)}; {' to '.join(dict.fromkeys((dates[0], dates[-1])))}."


def markdown(rows):
    """The page."""
    networks = [row for row in rows if row["case"] in TITLES]
    layers = [row for row in rows if row["case"] not in TITLES]
    where = [_where(what, some) for what, some in (("Networks", networks), ("Layers", layers)) if some]
    parts = [
        ["# Speed against other programs"],
        HEAD,
        where,
        CONDITIONS if rows else [],
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
