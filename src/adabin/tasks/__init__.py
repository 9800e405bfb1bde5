# SPDX-License-Identifier: Apache-2.0
"""Tasks by name: what a network's outputs mean. To add one: a folder here, and a line in `TASKS`.

A task is a class, made from a config, with

    columns(train)      names of the targets that a split delivers behind the images, one array each
    targets(annotations, train)    those arrays, from the annotations of a batch's images as augmented; in training of
                        a shape that is the same for every batch: what varies in number is padded, with a mask
    loss(teacher)       Cell (outputs, images, *targets) -> loss, statistics: a scalar, and a tuple of float32 scalars
                        summed over the batch; its attribute `statistics` names them. teacher: a network whose outputs
                        take the targets' place, or None
    metric()            object with `update(outputs, *targets)` for one batch in NumPy; `state()`, a dict of arrays, of
                        any length; `result(states)`, a dict of numbers from the states of all processes
    score               the entry of that dict that picks best.ckpt; more is better
    recorded            entries of it that metrics.csv gets as test_<name>, the score among them
    plots               (name, label, factor) of what curves.png shows, recorded for training and test
    text(values)        what a dict has of loss and score, for people
    decisions(outputs)  array whose entries are compared where two programs run the same network
    names_places        whether predictions speak of places in the picture; then pictures are decoded at their full size
                        (else a large JPEG at a part of it, which is faster), and predict.py shows the network all of
                        one (else what a center crop leaves)
    predict(outputs, sizes)    a dict per picture; sizes: (height, width) of the pictures as decoded
    line(prediction)    that dict for people
    draw(path, picture, prediction)    a PNG file of a picture, uint8 (H, W, 3), with what was predicted

and, where there is something to say,

    draw_beside(path, picture, prediction, annotation)    the same with what is annotated beside it (eval.py --draw)
    report(metric)      (lines for people, dict for the result of eval.py), after the metric's `result`
    draw_report(folder, metric)    pictures of that, as files in a folder
    decode_in(engine)   let the C++ engine that runs the network (adabin.engine.EngineModel) make predictions of its
                        outputs, where it makes the same
    description()       dict of texts and numbers: what another program needs to understand the outputs besides the
                        config's keys; export.py writes it beside a network, under `outputs`

`outputs` is a tuple of arrays (B, ...), also where a network has one output.
"""

from adabin.tasks.classification import Classification
from adabin.tasks.detection import Detection
from adabin.utils.errors import UserError

TASKS = {"classification": Classification, "detection": Detection}


def build_task(config, engine=None):
    """Task of a config; engine: the `EngineModel` that runs the network, if one does.

    Raises:
        UserError: it is not known.
    """
    if config.task not in TASKS:
        raise UserError(f"config: task: {config.task!r} is not known; choose from {', '.join(TASKS)}")
    task = TASKS[config.task](config)
    if engine is not None and hasattr(task, "decode_in"):
        task.decode_in(engine)
    return task
