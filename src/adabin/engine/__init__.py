# SPDX-License-Identifier: Apache-2.0
"""Python binding of the C++ engine: models and sessions of its C API, and an exported file as a callable."""

from adabin.engine.exported import EngineModel, description_of, open_exported
from adabin.engine.model import Model, Session

__all__ = ["EngineModel", "Model", "Session", "description_of", "open_exported"]
