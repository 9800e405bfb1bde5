# SPDX-License-Identifier: Apache-2.0
"""Makes `adabin` importable in a clone, where nothing is installed: entry points begin with `import src`.

The one place that touches the path. No wheel holds it; whoever installed one imports `adabin` directly.
"""

import importlib.abc
import sys
from pathlib import Path

_HERE = str(Path(__file__).resolve().parent)


class _EarlierNames(importlib.abc.MetaPathFinder):
    """`src.layers` was the name of `adabin.layers`; a second copy of it under that name would share nothing with it."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith("src."):
            now = "adabin." + name.removeprefix("src.").removeprefix("adabin").removeprefix(".")
            now = now.removesuffix(".")
            raise ModuleNotFoundError(f"{name}: is {now} now; import src, then {now}", name=name)


sys.meta_path.insert(0, _EarlierNames())
if _HERE in sys.path:
    sys.path.remove(_HERE)
sys.path.insert(0, _HERE)  # before an installed one

import adabin  # noqa: E402

if Path(adabin.__file__).resolve().parents[1] != Path(_HERE):
    raise ImportError(f"adabin was imported from {Path(adabin.__file__).parent} before this clone's, {_HERE}/adabin")
