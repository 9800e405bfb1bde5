# SPDX-License-Identifier: Apache-2.0
"""Values that change from epoch to epoch: learning rate, and k and t of the weights' estimator."""

import math

# The authors' constants without the progressive schedule: nearly a straight-through estimator.
FIXED_K, FIXED_T = 10.0, 0.1


def cosine_lr(epoch, epochs, initial):
    """Learning rate of an epoch (from 0): initial * (1 + cos(pi * epoch / epochs)) / 2."""
    return initial * (1 + math.cos(math.pi * epoch / epochs)) / 2


def linear_lr(epoch, epochs, initial):
    """Learning rate of an epoch (from 0): initial * (1 - (epoch + 1) / epochs), as ReActNet trains.

    The last epoch has a rate of 0: it refreshes BatchNorm's statistics and nothing else.
    """
    return initial * (1 - (epoch + 1) / epochs)


def learning_rate(epoch, config):
    """Learning rate of an epoch (from 0) by the schedule of a config."""
    schedule = linear_lr if config.lr_schedule == "linear" else cosine_lr
    return schedule(epoch, config.epochs, config.lr)


def progressive(epoch, epochs, t_min=1e-3, t_max=10.0):
    """(k, t) of an epoch (from 0) for the estimator k t (1 - tanh^2(t u)), as IR-Net and the paper train.

    t rises from `t_min` to `t_max` on a logarithmic scale and k = max(1 / t, 1), so that the slope at 0 is 1 until t
    passes 1 and grows with t from there on.
    """
    low, high = math.log10(t_min), math.log10(t_max)
    t = 10 ** (low + (high - low) * epoch / epochs)
    return max(1 / t, 1.0), t


def estimator_parameters(epoch, config):
    """(k, t) of an epoch (from 0) by the schedule of a config: `progressive`, or k = 10, t = 0.1 throughout."""
    if not config.estimator_progressive:
        return FIXED_K, FIXED_T
    return progressive(epoch, config.epochs, config.estimator_t_min, config.estimator_t_max)
