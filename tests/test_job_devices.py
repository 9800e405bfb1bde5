# SPDX-License-Identifier: Apache-2.0
"""A job on GPUs or Ascends as far as it goes without one: what msrun and the workers are given, what is refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from adabin.utils.device import _device_number
from adabin.utils.errors import UserError
from adabin.utils.threads import default_threads
from scripts import job_devices
from scripts.distributed_job import free_port, parse
from scripts.job_devices import count_devices
from tests.jobs import run_job
from tests.programs import ROOT, refusal_of, result_of

CONFIG = str(ROOT / "config" / "resnet20_shapes.yaml")
# Writes down what it was given, and plays rank 0 to a good end.
MSRUN = f"""#!{sys.executable}
import json, os, pathlib, sys
logs = pathlib.Path(sys.argv[sys.argv.index("--log_dir") + 1])
(logs / "given.json").write_text(json.dumps([sys.argv[1:], dict(os.environ)]))
(logs / "worker_0.log").write_text('{{"top1": 0.5}}\\n')
"""


@pytest.fixture
def project(tmp_path):
    """A folder with the scripts, whose msrun is `MSRUN`: no .venv, whose own msrun would come first."""
    for name in ("common.sh", "run_distribute_train.sh"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    (tmp_path / "scripts" / "distributed_job.py").symlink_to(ROOT / "scripts" / "distributed_job.py")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "msrun").write_text(MSRUN, encoding="utf-8")
    (tmp_path / "bin" / "msrun").chmod(0o755)
    return tmp_path


def given(project, *words, **variables):
    """(ended script, words for msrun as a dict, words for train.py, environment) of a job."""
    path = os.pathsep.join([str(project / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    inherited = {key: value for key, value in os.environ.items() if key not in ("OMP_NUM_THREADS", "GLOG_v")}
    ended = subprocess.run(
        ["bash", project / "scripts" / "run_distribute_train.sh", *words, "--log_path", project / "logs"],
        env={**inherited, "PATH": path, **variables},
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    told, environment = json.loads((project / "logs" / "given.json").read_text(encoding="utf-8"))
    program = told.index(str(ROOT / "train.py"))
    return ended, dict(zip(told[:program:2], told[1:program:2], strict=True)), told[program + 1 :], environment


@pytest.mark.parametrize("device", ["GPU", "Ascend"])
def test_msrun_gets_the_workers_and_train_py_the_device(project, device):
    ended, own, flags, environment = given(
        project, "4", CONFIG, f"--device_target={device}", "--epochs=2",
        ADABIN_CPU_THREADS="3", RANK_TABLE_FILE="/somewhere/table.json", HCCL_CONNECT_TIMEOUT="600",
    )  # fmt: skip
    assert result_of(ended) == {"top1": 0.5}
    port = own.pop("--master_port")
    assert 1024 < int(port) < 65536
    assert own == {
        "--worker_num": "4", "--local_worker_num": "4", "--node_rank": "0", "--master_addr": "127.0.0.1",
        "--log_dir": str(project / "logs"), "--join": "True", "--tail_worker_log": "4",
    }  # fmt: skip
    assert flags == ["--config_path", CONFIG, f"--device_target={device}", "--epochs=2"]
    kept = ("RANK_TABLE_FILE", "HCCL_CONNECT_TIMEOUT", "PYTHONUNBUFFERED", "GLOG_v", "OMP_NUM_THREADS")
    assert [environment[key] for key in kept] == ["/somewhere/table.json", "600", "1", "3", "3"]


def test_each_worker_gets_its_share_of_the_threads_on_other_devices_too(project):
    *_, environment = given(project, "2", CONFIG, "--device_target=GPU")
    assert environment["OMP_NUM_THREADS"] == environment["ADABIN_CPU_THREADS"] == str(max(1, default_threads() // 2))


def test_a_machine_of_several_starts_its_own_workers_and_names_the_first_one(project):
    machines = ("--nodes", "2", "--node_rank", "1", "--master_addr", "10.0.0.1")
    ended, own, _, _ = given(project, "16", CONFIG, "--device_target=Ascend", *machines)
    assert ended.stdout in ("", "null\n")  # machine 0 has the result
    names = ("--worker_num", "--local_worker_num", "--node_rank", "--master_addr", "--master_port")
    assert [own[name] for name in names] == ["16", "8", "1", "10.0.0.1", "8118"]


@pytest.mark.parametrize("device, first, worker, number", [
    ("GPU", 0, "3", 3), ("Ascend", 2, "3", 5), ("GPU", 2, None, 2), ("CPU", 0, "3", 0),
])  # fmt: skip
def test_a_worker_takes_the_device_of_its_number_from_the_first_one_on(monkeypatch, device, first, worker, number):
    for name, value in (("MS_ROLE", worker and "MS_WORKER"), ("DEVICE_ID", worker)):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    assert _device_number(SimpleNamespace(device_target=device, device_id=first)) == number


@pytest.mark.slow
def test_msrun_tells_the_workers_what_they_take_their_device_and_their_rank_from(tmp_path):
    script = tmp_path / "say.py"
    script.write_text(
        "import os, json\n"
        "told = [os.environ.get(name) for name in ('MS_ROLE', 'MS_NODE_ID', 'MS_WORKER_NUM', 'DEVICE_ID')]\n"
        f"open({str(tmp_path)!r} + f'/{{os.getpid()}}.json', 'w').write(json.dumps(told))\n",
        encoding="utf-8",
    )
    numbers = ("--worker_num=4", "--local_worker_num=2", "--node_rank=1", f"--master_port={free_port()}")
    msrun = str(Path(sys.executable).parent / "msrun")
    msrun = msrun if os.path.exists(msrun) else shutil.which("msrun")
    # Of the second machine, which has no scheduler.
    command = [msrun, *numbers, "--master_addr=10.255.255.1", f"--log_dir={tmp_path}", "--join=True", str(script)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    told = sorted(json.loads(path.read_text()) for path in tmp_path.glob("*.json"))
    assert told == [["MS_WORKER", "2", "4", "0"], ["MS_WORKER", "3", "4", "1"]]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that gives this machine devices."""
    for name in job_devices.VISIBLE.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(job_devices, "ROOT", tmp_path)

    def give(target, count):
        places = {"Ascend": "dev/davinci{}", "GPU": "proc/driver/nvidia/gpus/0000:0{}:00.0"}
        for number in range(count):
            (tmp_path / places[target].format(number)).mkdir(parents=True)
        (tmp_path / "dev" / "davinci_manager").mkdir(parents=True, exist_ok=True)

    return give


@pytest.mark.parametrize("target", ["GPU", "Ascend"])
@pytest.mark.parametrize("visible, count", [
    (None, 4), ("0,2", 2), ("", 0), ("-1", 0), ("1,-1,2", 1), ("0,1,2,3,4,5", 4), ("GPU-8932f937", 1),
])  # fmt: skip
def test_devices_are_counted_that_programs_may_see(machine, monkeypatch, target, visible, count):
    machine(target, 4)
    if visible is not None:
        monkeypatch.setenv(job_devices.VISIBLE[target], visible)
    assert count_devices(target) == count


@pytest.mark.parametrize("target", ["GPU", "Ascend"])
@pytest.mark.parametrize("devices, first, workers", [(4, 0, 4), (4, 1, 3), (0, 0, 1), (2, 1, 1)])
def test_without_a_number_there_is_a_worker_for_every_device(machine, target, devices, first, workers):
    machine(target, devices)
    flags, _ = parse(["--config_path", CONFIG, f"--device_target={target}", f"--device_id={first}"])
    assert flags.workers == workers


@pytest.mark.parametrize("target", ["GPU", "Ascend"])
@pytest.mark.parametrize("more, said", [
    (("--workers=5",), "5 workers on this machine .N_WORKERS.: .*programs see 4 with --device_target {}; give fewer"),
    (("--workers=4", "--device_id=1"), r"4 workers .*4 with --device_target {} \(3 from --device_id 1 on\); give"),
    (("--workers=10", "--nodes=2", "--master_addr=10.0.0.1"), "5 workers on this machine"),
    (("--workers=1", "--device_id=4"), r"0 from --device_id 4 on"),
])  # fmt: skip
def test_more_workers_than_devices_are_refused_before_anything_starts(machine, target, more, said):
    machine(target, 4)
    with pytest.raises(UserError, match=said.format(target)):
        parse(["--config_path", CONFIG, f"--device_target={target}", *more])
    fits = ["--workers=8", "--nodes=2", "--master_addr=10.0.0.1"]
    assert parse(["--config_path", CONFIG, f"--device_target={target}", *fits])[0].workers == 8


def test_where_no_device_is_found_the_workers_are_left_to_say_why(machine):
    assert parse(["--config_path", CONFIG, "--device_target=GPU", "--workers=8"])[0].workers == 8


@pytest.mark.slow
@pytest.mark.parametrize("target", ["GPU", "Ascend"])
def test_a_job_on_a_device_that_is_not_there_ends_in_one_line(tmp_path, target):
    ended = run_job(2, CONFIG, f"--device_target={target}", folder=tmp_path)
    line = refusal_of(ended)
    assert f"--device_target {target} (device " in line and "this machine has CPU;" in line
    assert not list(tmp_path.glob("outputs/*"))
