# SPDX-License-Identifier: Apache-2.0
"""Batches prepared by threads of our own and handed to MindSpore's data engine in order.

The engine's own threads would do the work too, but with more than one of them it takes SIGINT and SIGTERM away from the
program: a stopped training then ended with status 0.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor


class Prefetched:
    """A sequence of batches, iterated while the next ones are being prepared.

    Args:
        batches: has `len()` and `[k]`, which threads may call at the same time.
        workers (int): threads; up to twice as many batches are in the making or wait to be fetched.
    """

    def __init__(self, batches, workers):
        self.batches, self.workers = batches, workers

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        waiting = deque()
        threads = ThreadPoolExecutor(self.workers, thread_name_prefix="prefetch")
        try:
            for number in range(len(self)):
                waiting.append(threads.submit(self.batches.__getitem__, number))
                if len(waiting) == 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # also where the epoch is left halfway
            threads.shutdown(wait=False, cancel_futures=True)


def pipeline(batches, workers, columns=("image", "label")):
    """A `mindspore.dataset.Dataset` of one epoch.

    Args:
        batches: has `len()` and `[k]`, a tuple of NumPy arrays: images and targets.
        workers (int): threads that prepare them; the result does not depend on their number.
        columns: names of these arrays.
    """
    import mindspore.dataset as ds  # here, because the environment must be prepared before (src/adabin/utils/device.py)

    return ds.GeneratorDataset(
        Prefetched(batches, workers) if workers > 1 else batches,
        list(columns),
        shuffle=False,
        num_parallel_workers=1,
        python_multiprocessing=False,
    )
