# SPDX-License-Identifier: Apache-2.0
"""AdaBin (arXiv 2208.08084) for MindSpore."""

from adabin.utils.device import prepare_environment

# MindSpore reads these variables once, when it is first imported; every module of ours comes after this line.
prepare_environment()
