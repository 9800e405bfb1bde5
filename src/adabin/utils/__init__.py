# SPDX-License-Identifier: Apache-2.0
"""Helpers shared by every part of the project."""
