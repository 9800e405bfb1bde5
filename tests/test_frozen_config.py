# SPDX-License-Identifier: Apache-2.0
"""Nobody who is given a config can change it for others."""

import pytest

from adabin.utils.config import read_config


def test_a_key_cannot_be_deleted():
    config = read_config(None)
    with pytest.raises(AttributeError, match="a config is frozen: lr cannot be deleted"):
        del config.lr
    assert config.lr == 0.1


def test_a_changed_list_changes_no_config():
    config = read_config(None)
    other = config.changed(seed=2)
    before = list(config.mean)
    config.mean[0] = 9.0
    config.stages.append("lr=1")
    for one in (config, other, read_config(None)):
        assert (one.mean, one.stages) == (before, [])
    assert "stages: []" in config.text()
