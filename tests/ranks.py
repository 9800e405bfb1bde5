# SPDX-License-Identifier: Apache-2.0
"""Two ranks in one process, for what they tell each other."""

import threading

from adabin.training.distributed import World


class Pair(World):
    """One of two processes that are threads here."""

    def __init__(self, rank, barrier, table):
        super().__init__(rank, 2)
        self.barrier, self.table = barrier, table

    def gather(self, array):
        self.table[self.rank] = array
        self.barrier.wait()
        arrays = [self.table[0].copy(), self.table[1].copy()]
        self.barrier.wait()
        assert arrays[0].shape == arrays[1].shape and arrays[0].dtype == arrays[1].dtype  # as AllGather needs it
        return arrays


def gathered(states):
    """What `World.gather_states` gives each of two ranks that have these states."""
    barrier, table, found = threading.Barrier(2), {}, {}

    def work(rank):
        found[rank] = Pair(rank, barrier, table).gather_states(states[rank])

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return found[0], found[1]
