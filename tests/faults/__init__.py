# SPDX-License-Identifier: Apache-2.0
"""Mistakes that the tests must notice, a file per area; tests/planted_faults.py plants them."""
