# SPDX-License-Identifier: Apache-2.0
"""Time two builds of the engine on the same networks, in turns: did a change make it slower?

    bash ascend310_infer/build.sh && cp -r ascend310_infer/build ../before     # then change something and build again
    python benchmarks/compare_builds.py --old ../before/adabin_infer
    python benchmarks/compare_builds.py --old F --only resnet20 --threads 2 --pairs 10

Both run the MindIR files of benchmarks/compare_peers.py, which are made where they are not there. In each pair both
programs run for --seconds, now one first, now the other; a job of one thread is pinned to one core. Speed is the old
one's median time over the new one's, of each pair: above 1 is faster. The bound is what the median of such pairs
exceeds with 95 % confidence, by order statistics, whatever their distribution; fewer than five pairs have none. Cores
is CPU time over wall time of the new program's process, its loading included. Results go to standard error as they
come; the last line on standard output is JSON.
"""

import csv
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.cli import log, run  # noqa: E402
from adabin.utils.config import parse_flags  # noqa: E402
from adabin.utils.errors import RunError, UserError  # noqa: E402
from adabin.utils.files import make_folder, replacing  # noqa: E402
from benchmarks.compare_peers import chosen, counts  # noqa: E402
from benchmarks.peers.cases import CASES, NETWORKS  # noqa: E402
from benchmarks.peers.prepare import prepare  # noqa: E402
from benchmarks.peers.process import ENGINE, LIMITS, ROOT  # noqa: E402
from benchmarks.peers.processor import describe  # noqa: E402


def add_flags(parser):
    names = ",".join(case.name for case in NETWORKS)
    parser.add_argument("--old", required=True, metavar="F", help="adabin_infer of the other build")
    parser.add_argument("--new", default=str(ENGINE), metavar="F", help="adabin_infer of this one [%(default)s]")
    parser.add_argument("--only", default=names, metavar="A,B", help="cases [%(default)s]")
    parser.add_argument("--threads", default="1,2", metavar="N,M", help="[%(default)s]")
    parser.add_argument("--pairs", type=int, default=30, metavar="N", help="[%(default)s]")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="of a program in a pair [%(default)s]")
    parser.add_argument("--csv_path", metavar="F.csv", help="also write the table there")
    models = ROOT / "outputs" / "compare_peers"
    parser.add_argument("--models", default=str(models), metavar="DIR", help="of the networks [%(default)s]")


class Build:
    """One program on one network.

    Args:
        program: adabin_infer.
        folder: of the case.
        threads (int), core (int or None): how it runs.
    """

    def __init__(self, program, folder, threads, core):
        self.command = [str(Path(program).resolve()), "--model", "binary.mindir", "--input", "input.bin"]
        self.command += ["--threads", str(threads)]
        self.folder, self.core = folder, core
        self.env = {key: value for key, value in os.environ.items() if key not in LIMITS}
        self.cores = 0.0

    def run(self, repeat):
        """Median milliseconds of `repeat` runs."""
        pin = (lambda: os.sched_setaffinity(0, {self.core})) if self.core is not None else None
        with tempfile.TemporaryDirectory() as output:
            command = [*self.command, "--output", output, "--repeat", str(repeat), "--warmup", str(1 + repeat // 20)]
            before, began = os.times(), time.perf_counter()
            kept = {"capture_output": True, "text": True, "preexec_fn": pin}
            ended = subprocess.run(command, cwd=self.folder, env=self.env, **kept)
            wall, after = time.perf_counter() - began, os.times()
        if ended.returncode:
            last = next(iter(ended.stderr.strip().splitlines()[-1:]), "no message")
            raise RunError(f"{self.command[0]} failed: {last}")
        used = after.children_user - before.children_user + after.children_system - before.children_system
        self.cores = used / wall
        try:
            return json.loads(ended.stdout.strip().splitlines()[-1])["latency_ms_median"]
        except (IndexError, KeyError, ValueError) as error:
            raise UserError(f"{self.command[0]}: prints no JSON as adabin_infer does; name an adabin_infer") from error


def lower_bound(values):
    """What the median of what `values` are drawn from exceeds with 95 % confidence; None of fewer than five."""
    ordered, below, bound = sorted(values), 0.0, None
    for k, value in enumerate(ordered):
        below += math.comb(len(ordered), k) / 2 ** len(ordered)
        if below > 0.05:
            break
        bound = value
    return bound


def compare(old, new, pairs, seconds):
    """What is known of the two after so many pairs, as a dict."""
    repeat = max(3, int(1000 * seconds / max(new.run(3), 1e-3)))
    times, cores = [], []
    for number in range(pairs):
        order = (old, new) if number % 2 else (new, old)
        found = {build: build.run(repeat) for build in order}
        times.append((found[old], found[new]))
        cores.append(new.cores)
    speeds = [before / after for before, after in times]
    bound = lower_bound(speeds)
    return {
        "old_ms": round(statistics.median(before for before, _ in times), 4),
        "new_ms": round(statistics.median(after for _, after in times), 4),
        "speed": round(statistics.median(speeds), 4),
        "bound": None if bound is None else round(bound, 4),
        "cores": round(statistics.median(cores), 2),
    }


def main(argv):
    flags, _ = parse_flags(__doc__, argv, add_flags, with_config_keys=False)
    cases = [CASES[name] for name in chosen(flags.only, list(CASES), "--only")]
    if flags.pairs < 1 or not 0.01 <= flags.seconds <= 3600:
        raise UserError("--pairs takes 1 or more, --seconds 0.01 to 3600")
    for flag, program in (("--old", flags.old), ("--new", flags.new)):
        if not os.access(program, os.X_OK) or Path(program).is_dir():
            raise UserError(f"{flag} {program}: not a program; name an adabin_infer that was built")
    cpus = sorted(os.sched_getaffinity(0))
    rows = []
    for case in cases:
        folder = prepare(case, flags.models).resolve()
        for threads in counts(flags.threads, len(cpus)):
            core = cpus[-1] if threads == 1 else None
            old, new = (Build(program, folder, threads, core) for program in (flags.old, flags.new))
            row = {"case": case.name, "threads": threads, **compare(old, new, flags.pairs, flags.seconds)}
            log(", ".join(f"{key} {value}" for key, value in row.items()))
            rows.append(row)
    if flags.csv_path:
        make_folder(Path(flags.csv_path).parent, "--csv_path")
        with replacing(Path(flags.csv_path)) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, [*rows[0], "pairs", "device", "date"], lineterminator="\n")
            writer.writeheader()
            shared = {"pairs": flags.pairs, "device": describe(), "date": date.today().isoformat()}
            writer.writerows(row | shared for row in rows)
    return {"pairs": flags.pairs, "rows": rows}


if __name__ == "__main__":
    run(main)
