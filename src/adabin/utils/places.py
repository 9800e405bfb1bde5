# SPDX-License-Identifier: Apache-2.0
"""Where the files lie that come with the code: in a clone beside it, in a wheel within the package."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CLONE = PACKAGE.parents[1]  # holds models/ and ascend310_infer/, where this is a clone
_PACKED = PACKAGE / "recipes"
RECIPES = _PACKED if _PACKED.is_dir() else CLONE / "config"
