# SPDX-License-Identifier: Apache-2.0
"""AdaBin for MindSpore."""
