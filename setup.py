# SPDX-License-Identifier: Apache-2.0
"""What goes into the wheel: every package below src/, and the recipes. All else stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages("src"), "adabin.recipes"],
    package_dir={"": "src", "adabin.recipes": "config"},
)
