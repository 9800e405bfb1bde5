# SPDX-License-Identifier: Apache-2.0
"""Data sets and the input pipeline."""

from adabin.data.class_names import settle_classes
from adabin.data.registry import build_dataset

__all__ = ["build_dataset", "settle_classes"]
