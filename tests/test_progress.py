# SPDX-License-Identifier: Apache-2.0
"""What a training says from time to time where there is no terminal."""

import pytest

from adabin.training import loop


@pytest.fixture
def clock(monkeypatch):
    """A list whose last number is the time."""
    times = [1000.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: times[-1])
    return times


def test_the_rate_counts_from_the_end_of_compilation_and_a_line_comes_from_time_to_time(clock, capsys):
    progress = loop.Progress(total=1000, done=100)
    for now in (1090, 1095, 1100, 1119, 1126):  # a minute and a half to compile, then 50 images in 5 seconds
        clock.append(now)
        progress.advance(50, f"at {now}")
    progress.close()
    assert capsys.readouterr().err.splitlines() == [
        "at 1095, 10 images/s, 0:01:20 left",
        "at 1126, 6 images/s, 0:01:57 left",
    ]
