# SPDX-License-Identifier: Apache-2.0
"""Data sets and the input pipeline."""

from src.data.class_names import settle_classes
from src.data.registry import build_dataset

__all__ = ["build_dataset", "settle_classes"]
