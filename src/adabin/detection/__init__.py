# SPDX-License-Identifier: Apache-2.0
"""Object detection: boxes, priors, matching, decoding, average precision. Functions of their arguments, in NumPy."""
