# SPDX-License-Identifier: Apache-2.0
"""Training: schedules, the compiled step, evaluation, the run folder and the loop over epochs."""
