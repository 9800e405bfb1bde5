# SPDX-License-Identifier: Apache-2.0
"""The rule for the number of threads, in the cases that the C++ engine is tested with too."""

import json
from pathlib import Path

import pytest

from adabin.utils.errors import UserError
from adabin.utils.threads import default_threads

CASES = json.loads(Path(__file__).with_name("golden").joinpath("default_threads.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_default_number_of_threads_follows_the_rule(case, tmp_path):
    for name, text in case["files"].items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if case["threads"] == "error":
        with pytest.raises(UserError, match="ADABIN_CPU_THREADS"):
            default_threads(case["environment"], case["affinity"], tmp_path)
    else:
        assert default_threads(case["environment"], case["affinity"], tmp_path) == case["threads"]
