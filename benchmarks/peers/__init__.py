# SPDX-License-Identifier: Apache-2.0
"""Everything that the packed engine is timed against: one file per peer, each run in a process of its own."""
