# SPDX-License-Identifier: Apache-2.0
"""The faults of tests/planted_faults.py are changes of the code as it is."""

import pytest

from tests.planted_faults import FAULTS, ROOT


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what.replace(" ", "-"))
def test_the_place_of_a_planted_fault_exists_once(fault):
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.right) == 1 and fault.right != fault.wrong
    assert all((ROOT / word).is_file() for word in fault.tests.split() if word.startswith("tests/"))


def test_there_are_at_least_thirty():
    assert len({fault.what for fault in FAULTS}) == len(FAULTS) >= 30
