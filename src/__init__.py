# SPDX-License-Identifier: Apache-2.0
"""Makes `adabin` importable in a clone, where nothing is installed: entry points begin with `import src`.

The one place that touches the path. No wheel holds it; whoever installed one imports `adabin` directly.
"""

import importlib.abc
import importlib.util
import sys
from pathlib import Path

_HERE = str(Path(__file__).resolve().parent)
_NEEDED = ("mindspore", "numpy", "yaml", "cv2", "tqdm")  # modules without which no entry point runs


def _expect_environment():
    """Say in one line how to make and enter the environment, where the Python that runs is that of another.

    Nothing is imported for it. An entry point ends with status 2; whoever imports this gets an ImportError.
    """
    specs = {name: importlib.util.find_spec(name) for name in _NEEDED}
    missing = [name for name, spec in specs.items() if spec is None or spec.origin is None]
    if not missing:
        return
    line = (
        f"{', '.join(missing)}: not installed for {sys.executable}; run `bash scripts/setup.sh` once, and "
        "`source .venv/bin/activate` in every new shell"
    )
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    if program and Path(program).resolve().is_relative_to(Path(_HERE).parent):
        print(f"error: {line}", file=sys.stderr)
        sys.exit(2)
    raise ModuleNotFoundError(line, name=missing[0])


_expect_environment()


_ELSEWHERE = {  # where the content is of modules that are not what they were under another name
    "cpu.networks": "adabin.cpu",
    "draw": "adabin.tasks.classification.drawing",
    "training.evaluate": "adabin.inference",
    "training.losses": "adabin.tasks.classification.loss",
    "training.metrics": "adabin.tasks.classification.metric",
    "utils.summary": "adabin.summary",
}


class _EarlierNames(importlib.abc.MetaPathFinder):
    """`src.layers` was the name of `adabin.layers`; a second copy of it under that name would share nothing with it."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith("src."):
            name = _asked_for(name)
            rest = name.removeprefix("src.").removeprefix("adabin").removeprefix(".")
            now = _ELSEWHERE.get(rest, f"adabin.{rest}".removesuffix("."))
            raise ModuleNotFoundError(f"{name}: is {now} now; import src, then {now}", name=name)


def _asked_for(asked):
    """The name in the import statement, of which the import system asks for `src.utils` before `src.utils.files`."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename == "<frozen importlib._bootstrap>":
        asked, frame = frame.f_locals.get("name", asked), frame.f_back
    return asked


sys.meta_path.insert(0, _EarlierNames())
if _HERE in sys.path:
    sys.path.remove(_HERE)
sys.path.insert(0, _HERE)  # before an installed one

import adabin  # noqa: E402

if Path(adabin.__file__).resolve().parents[1] != Path(_HERE):
    raise ImportError(f"adabin was imported from {Path(adabin.__file__).parent} before this clone's, {_HERE}/adabin")
