# SPDX-License-Identifier: Apache-2.0
"""Python binding of the C++ engine: models, sessions and detectors of its C API, and an exported file as a callable."""

from adabin.engine.detector import Detector
from adabin.engine.exported import EngineModel, description_of, open_exported
from adabin.engine.model import Model, Session

__all__ = ["Detector", "EngineModel", "Model", "Session", "description_of", "open_exported"]
