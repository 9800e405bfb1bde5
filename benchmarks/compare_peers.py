# SPDX-License-Identifier: Apache-2.0
"""Time the packed engine and its peers on the same networks, alternating, in one call.

    bash benchmarks/setup_peers.sh                                       # once: the peers' virtual environments
    python benchmarks/compare_peers.py                                   # everything, about half an hour
    python benchmarks/compare_peers.py --only resnet20 --threads 1 --rounds 3 --seconds 0.5
    python benchmarks/compare_peers.py --report                          # only table and chart, from the CSV

Every peer is a process of its own, without limits on its instruction set unless its row says so, and sleeps while
another one is measured. Jobs of one thread are pinned to one core. In each round every peer runs for --seconds; a row
holds the median over the rounds of the round's median, the smallest time of all, and the median over the rounds of the
ratio to the engine in the same round. A case that is measured again replaces its rows in the CSV; the others stay.
Peers that are not installed are left out with a line that says how to install them. A layer is the difference of two
chains; its share of the popcount peak needs `bench_layers` (ascend310_infer/README.md). The last line is JSON.
"""

import os
import shlex
import signal
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.cli import log, run  # noqa: E402
from adabin.utils.config import nearest, parse_flags  # noqa: E402
from adabin.utils.errors import UserError  # noqa: E402
from adabin.utils.files import make_folder  # noqa: E402
from benchmarks.peers.cases import ABSENT, CASES, CHAINS, NETWORKS, PEAK  # noqa: E402
from benchmarks.peers.peak import measure_peak  # noqa: E402
from benchmarks.peers.prepare import prepare  # noqa: E402
from benchmarks.peers.process import PEERS, ROOT, Engine, Missing, Worker  # noqa: E402
from benchmarks.peers.processor import describe  # noqa: E402
from benchmarks.peers.report import write_report  # noqa: E402
from benchmarks.peers.rows import merge, read_rows, write_rows  # noqa: E402

GROUPS = {"networks": [case.name for case in NETWORKS], "layers": [case.name for case in (*CHAINS, PEAK)]}
EXACT = 1e-4  # largest difference from our network's outputs, in units of the largest output


def add_flags(parser):
    names = ", ".join([*GROUPS, *GROUPS["networks"], "layer_64@56_x4, ..."])
    parser.add_argument("--only", default="networks,layers", metavar="A,B", help=f"cases: {names} [%(default)s]")
    parser.add_argument("--peers", default=",".join(PEERS), metavar="A,B", help="[%(default)s]")
    parser.add_argument("--threads", default="1,2", metavar="N,M", help="of networks; layers run on 1 [%(default)s]")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="[%(default)s]")
    parser.add_argument("--seconds", type=float, default=1, metavar="S", help="of each peer in a round [%(default)s]")
    parser.add_argument("--core", type=int, metavar="N", help="for jobs of one thread [the last one]")
    parser.add_argument(
        "--models",
        default=str(ROOT / "outputs" / "compare_peers"),
        metavar="DIR",
        help="for the networks [%(default)s]",
    )
    csv_path = ROOT / "results" / "compare_peers" / "results.csv"
    parser.add_argument("--csv_path", default=str(csv_path), metavar="F.csv", help="[%(default)s]")
    parser.add_argument(
        "--docs_path", default=str(ROOT / "docs"), metavar="DIR", help="for peers.md and peers.png [%(default)s]"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing; make table and chart from the CSV")


def chosen(text, known, flag):
    """Names of a comma-separated list.

    Raises:
        UserError: one is not known.
    """
    names = []
    for name in filter(None, text.split(",")):
        for part in GROUPS.get(name, [name]) if flag == "--only" else [name]:
            if part not in known:
                raise UserError(f"{flag} {name}: not known{nearest(name, known)}; choose from {', '.join(known)}")
            names.append(part)
    if not names:
        raise UserError(f"{flag}: names nothing; choose from {', '.join(known)}")
    return list(dict.fromkeys(names))


def counts(text, cpus):
    """Numbers of threads of a comma-separated list.

    Raises:
        UserError: it is none, or more than there are processors.
    """
    parts = text.split(",")
    if not all(part.isdigit() and 1 <= int(part) <= cpus for part in parts):
        raise UserError(f"--threads {text}: give numbers from 1 to {cpus}, the processors of this machine, like 1,2")
    return sorted({int(part) for part in parts})


def checked(flags):
    """(cases, peers, numbers of threads, core) of the flags.

    Raises:
        UserError: they make no sense.
    """
    cpus = sorted(os.sched_getaffinity(0))
    core = cpus[-1] if flags.core is None else flags.core
    if core not in cpus:
        raise UserError(f"--core {core}: not a processor of this process; it has {', '.join(map(str, cpus))}")
    if flags.rounds < 1 or not 0.01 <= flags.seconds <= 3600:
        raise UserError("--rounds takes 1 or more, --seconds 0.01 to 3600")
    cases = [CASES[name] for name in chosen(flags.only, list(CASES), "--only")]
    peers = [PEERS[name] for name in chosen(flags.peers, list(PEERS), "--peers")]
    return cases, peers, counts(flags.threads, len(cpus)), core


def open_peers(peers, case, folder, threads, core):
    """The peers that can be measured, loaded; the others are reported."""
    opened = {}
    for peer in peers:
        if (case.name, peer.name) in ABSENT:
            log(f"{case.name}: {peer.name} is left out: {ABSENT[case.name, peer.name]}")
            continue
        if case.peers and peer.name not in case.peers:
            continue
        try:
            kind = Worker if peer.python else Engine
            opened[peer] = kind(peer, case, folder, threads, core)
        except Missing as error:
            log(f"{case.name}: {peer.name} is missing: {error}")
            continue
        found = opened[peer].description["difference"]
        if peer.exact and not found <= EXACT:
            log(f"{case.name}: {peer.name} differs from what it should compute by {found:.2g} of the largest output")
    return opened


def measure(opened, rounds, seconds):
    """{peer: [(median, minimum, runs) of each round]}; each round begins with another peer."""
    results = {peer: [] for peer in opened}
    order = list(opened)
    for number in range(rounds):
        first = number % len(order)
        for peer in order[first:] + order[:first]:
            results[peer].append(opened[peer].measure(seconds))
    return results


def summarize(case, threads, opened, results):
    """Rows of the CSV, without what all rows of a call share."""
    base = next((times for peer, times in results.items() if peer.name == "engine"), None)
    for peer, times in results.items():
        ratios = [mine[0] / ours[0] for mine, ours in zip(times, base, strict=True)] if base else []
        description = opened[peer].description
        yield {
            "case": case.name,
            "batch": case.batch,
            "threads": threads,
            "peer": peer.name,
            "median_ms": f"{statistics.median(one[0] for one in times):.5g}",
            "min_ms": f"{min(one[1] for one in times):.5g}",
            "ratio": f"{statistics.median(ratios):.4g}" if base else "",
            "rounds": len(times),
            "runs": sum(one[2] for one in times),
            "difference": f"{description['difference']:.2g}",
            "limit": peer.limit,
            "isa": description["isa"],
            "version": description["version"],
            "peak_memory_mb": f"{description['peak_memory_mb']:.1f}" if "peak_memory_mb" in description else "",
            "model_bytes": description.get("model_bytes", ""),
        }


def peaks(peers, core, rounds):
    """Rows of the popcount peak, one for each kernel of ours."""
    for peer in (peer for peer in peers if not peer.python):
        try:
            median, least, kernel = measure_peak(peer, core, rounds)
        except Missing as error:
            log(f"{PEAK.name}: {peer.name} is missing: {error}")
            continue
        row = dict.fromkeys(("ratio", "runs", "difference", "version", "peak_memory_mb", "model_bytes"), "")
        row |= {"case": PEAK.name, "batch": PEAK.batch, "threads": 1, "peer": peer.name, "rounds": rounds}
        yield row | {"median_ms": f"{median:.5g}", "min_ms": f"{least:.5g}", "limit": peer.limit, "isa": kernel}


def compare(case, peers, threads, core, flags):
    """Rows of one case with one number of threads."""
    if case is PEAK:
        return list(peaks(peers, core, flags.rounds))
    folder = prepare(case, flags.models).resolve()
    opened = {}
    try:
        opened = open_peers(peers, case, folder, threads, core if threads == 1 else None)
        return list(summarize(case, threads, opened, measure(opened, flags.rounds, flags.seconds))) if opened else []
    finally:
        for peer in opened.values():
            peer.close()


def commit():
    """Commit of this checkout, with + where files have changed."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    cases, peers, threads, core = checked(flags)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the peers are ended as after Ctrl-C
    rows = read_rows(flags.csv_path) if Path(flags.csv_path).exists() or flags.report else []
    if not flags.report:
        make_folder(Path(flags.csv_path).parent, "--csv_path")
        command = shlex.join(["python", "benchmarks/compare_peers.py", *argv])
        shared = {"command": command, "device": describe(), "date": date.today().isoformat(), "commit": commit()}
        for case in cases:
            for count in threads if case in NETWORKS else [1]:
                new = [row | shared for row in compare(case, peers, count, core, flags)]
                for row in new:
                    ratio = f", {row['ratio']} x the engine" if row["ratio"] else ""
                    log(f"{case.name}, {count} thread(s): {row['peer']} {row['median_ms']} ms{ratio}")
                rows = merge(rows, new)
                write_rows(flags.csv_path, rows)
    files = write_report(rows, make_folder(flags.docs_path, "--docs_path"))
    return {"csv": flags.csv_path, "rows": len(rows), "report": [str(path) for path in files]}


if __name__ == "__main__":
    run(main)
