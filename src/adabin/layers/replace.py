# SPDX-License-Identifier: Apache-2.0
"""Layers of a network replaced by others."""

from mindspore import nn


def replace_layers(network, function):
    """Put other layers in the place of a network's layers; their parameters keep the names that they have.

    Args:
        network (Cell): is changed in place.
        function: layer -> what stands in its place, or None to leave it. It is asked from the network downwards, once
            for a layer that stands in several places, and not for what lies in a layer that was replaced.

    Returns:
        the network, or what stands in its place.
    """
    answers = {}  # the cells are kept with their answers: an id is given again when a cell is gone

    def answer(cell):
        if id(cell) not in answers:
            new = function(cell)
            answers[id(cell)] = cell, cell if new is None else new
            if new is None:
                walk(cell)
            else:
                new.set_train(cell.training)
        return answers[id(cell)][1]

    def walk(parent):
        for name, child in list(parent._cells.items()):
            if child is not None:
                parent._cells[name] = answer(child)  # an assignment to the attribute would rename the parameters
        if isinstance(parent, nn.SequentialCell):
            parent.cell_list = list(parent._cells.values())  # what it runs

    return answer(network)
