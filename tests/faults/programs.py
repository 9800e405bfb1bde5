# SPDX-License-Identifier: Apache-2.0
"""Faults in what surrounds the rest: configs, checkpoints, files, signals, threads, exports."""

from tests.faults.fault import CODE, Fault

FAULTS = [
    Fault(
        "a checkpoint of the other form is loaded in silence",
        f"{CODE}/utils/checkpoint.py",
        "if metadata.get(key, expected) != expected:",
        'if key != "binary_form" and metadata.get(key, expected) != expected:',
        "tests/test_checkpoint.py",
    ),
    Fault(
        "a flag without effect is taken",
        f"{CODE}/utils/effect.py",
        "if value and key not in besides else None",
        "if value is None else None",
        "tests/test_config.py tests/test_bad_input.py",
    ),
    Fault(
        "a pickle may name any function",
        f"{CODE}/utils/pickle_machine.py",
        "and (module, name) in self.allowed):",
        "):",
        "tests/test_safe_pickle.py",
    ),
    Fault(
        "an existing file is replaced by an export",
        f"{CODE}/export/description.py",
        "if path.exists() and not force:",
        "if path.exists() and force:",
        "tests/test_export_files.py tests/test_bad_input.py",
    ),
    Fault(
        "what a stopped program has half written stays",
        f"{CODE}/utils/stopping.py",
        "                    remove(path)",
        "                    pass",
        "tests/test_stopping.py tests/test_export_files.py",
    ),
    Fault(
        "ADABIN_CPU_THREADS is not heeded",
        f"{CODE}/utils/threads.py",
        'own = environment.get(VARIABLE, "").strip()',
        'own = ""',
        "tests/test_threads.py tests/test_cpu_threads.py",
    ),
    Fault(
        "test pictures are drawn with the outputs of others",
        f"{CODE}/shown_tests.py",
        "rows = self.chosen[(self.chosen >= first) & (self.chosen < self.seen)] - first",
        "rows = self.chosen[: np.sum((self.chosen >= first) & (self.chosen < self.seen))]",
        "tests/test_shown_tests.py",
    ),
]
