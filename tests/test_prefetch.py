# SPDX-License-Identifier: Apache-2.0
"""Batches that threads prepare: in order, a bounded number ahead, and no thread outlives its epoch."""

import ctypes
import signal
import threading
import time

import numpy as np
import pytest

from adabin.data.prefetch import Prefetched, pipeline

COUNT = 20


class Batches:
    """Twenty batches that carry their number; the earlier of two takes longer. Notes which were asked for."""

    def __init__(self, fails_at=None):
        self.asked, self.fails_at = [], fails_at

    def __len__(self):
        return COUNT

    def __getitem__(self, number):
        self.asked.append(number)
        if number == self.fails_at:
            raise ValueError(f"batch {number}")
        time.sleep(0.004 if number % 2 == 0 else 0.001)
        return np.full((1, 2), number, np.float32), np.array([number], np.int32)


def threads_of_ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.mark.parametrize("workers", [1, 2, 3, 50])
def test_batches_come_in_order_whichever_is_ready_first(workers):
    for _ in range(2):
        source = Batches()
        found = list(Prefetched(source, workers))
        assert [int(labels[0]) for _, labels in found] == list(range(COUNT)) == sorted(source.asked)
        rows = pipeline(Batches(), workers).create_tuple_iterator(num_epochs=1, output_numpy=True)
        assert [(int(images[0, 0]), int(labels[0])) for images, labels in rows] == [(n, n) for n in range(COUNT)]
    wait_until(lambda: not threads_of_ours())


def test_no_more_than_twice_as_many_batches_as_workers_are_in_the_making():
    source = Batches()
    rows = iter(Prefetched(source, 2))
    for taken in range(1, 6):
        next(rows)
        time.sleep(0.05)
        assert len(source.asked) == taken + 3  # the one that was taken, and three more that wait
    rows.close()


def test_an_epoch_left_halfway_leaves_no_thread_and_asks_for_nothing_more():
    source = Batches()
    rows = iter(Prefetched(source, 2))
    next(rows)
    assert len(threads_of_ours()) == 2
    del rows
    wait_until(lambda: not threads_of_ours())
    assert len(source.asked) <= 4
    rows = pipeline(source, 2).create_tuple_iterator(num_epochs=1)
    next(rows)
    del rows
    wait_until(lambda: not threads_of_ours())


def test_an_error_reaches_who_asks_for_the_batches_after_those_before_it():
    found = []
    with pytest.raises(ValueError, match="batch 7"):
        for _, labels in Prefetched(Batches(fails_at=7), 2):
            found.append(int(labels[0]))
    assert found == list(range(7))
    with pytest.raises(RuntimeError, match="batch 7"):
        list(pipeline(Batches(fails_at=7), 2).create_tuple_iterator(num_epochs=1))
    wait_until(lambda: not threads_of_ours())


@pytest.mark.parametrize("workers", [1, 2])
def test_the_data_engine_leaves_the_signals_to_the_program(workers):
    """It takes them away where its own threads or processes do the work."""

    def handlers():
        found = []
        for number in (signal.SIGINT, signal.SIGTERM):
            action = ctypes.create_string_buffer(256)  # struct sigaction begins with the handler's address
            assert ctypes.CDLL(None).sigaction(int(number), None, action) == 0
            found.append(action.raw[:8])
        return found

    kept = {}
    for number in (signal.SIGINT, signal.SIGTERM):  # an earlier test's pipeline may have taken them
        kept[number] = signal.signal(number, lambda *_: None)
    before = handlers()
    rows = pipeline(Batches(), workers).create_tuple_iterator(num_epochs=1)
    next(rows)
    assert handlers() == before
    list(rows)
    assert handlers() == before
    for number, handler in kept.items():
        signal.signal(number, handler)
