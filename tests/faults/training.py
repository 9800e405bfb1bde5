# SPDX-License-Identifier: Apache-2.0
"""Faults in training: step, schedules, averages, run folder, resumption, loss and metric of classes."""

from tests.faults.fault import CODE, Fault

FAULTS = [
    Fault(
        "alpha is decayed although it is excluded",
        f"{CODE}/training/optimizer.py",
        '"weight_decay": 0.0}',
        '"weight_decay": config.weight_decay}',
        "tests/test_training_options.py -k spared",
    ),
    Fault(
        "the cosine ends too early",
        f"{CODE}/training/schedule.py",
        "math.cos(math.pi * epoch / epochs)",
        "math.cos(math.pi * (epoch + 1) / epochs)",
        "tests/test_schedule_and_step.py",
    ),
    Fault(
        "k does not rise as t falls",
        f"{CODE}/training/schedule.py",
        "return max(1 / t, 1.0), t",
        "return 1.0, t",
        "tests/test_schedule_and_step.py",
    ),
    Fault(
        "clipping scales each gradient by twice the limit",
        f"{CODE}/training/update.py",
        "mstype.float32))), self.limit)",
        "mstype.float32))), 2 * self.limit)",
        "tests/test_training_options.py -k 'limit or allows'",
    ),
    Fault(
        "gradients of parts are summed, not averaged",
        f"{CODE}/training/accumulate.py",
        "return _div(total, parts)",
        "return total",
        "tests/test_training_options.py -k parts",
    ),
    Fault(
        "the average lags by an update",
        f"{CODE}/training/average.py",
        "(ops.depend(source, share) - average)",
        "(source - average)",
        "tests/test_training_options.py -k average",
    ),
    Fault(
        "a resumed run forgets the best epoch",
        f"{CODE}/training/loop.py",
        'start, best = metadata["epoch"], metadata[best_score]',
        'start, best = metadata["epoch"], -math.inf',
        "tests/test_resume.py tests/test_steps.py",
    ),
    Fault(
        "the average is evaluated and kept",
        f"{CODE}/training/average.py",
        "                ops.assign(source, Tensor(value))",
        "                pass",
        "tests/test_training_options.py -k average",
    ),
    Fault(
        "the optimizer's state is not saved",
        f"{CODE}/training/loop.py",
        "save_checkpoint(run.last, network, metadata, step.optimizer, state)",
        "save_checkpoint(run.last, network, metadata, None, state)",
        "tests/test_resume.py",
    ),
    Fault(
        "a teacher is trained",
        f"{CODE}/tasks/classification/loss.py",
        "self.teacher.set_train(False)",
        "self.teacher.set_train(mode)",
        "tests/test_training_options.py -k teacher",
    ),
    Fault(
        "equal logits go to the higher class",
        f"{CODE}/tasks/classification/metric.py",
        "np.arange(logits.shape[1]) < labels",
        "np.arange(logits.shape[1]) > labels",
        "tests/test_classification_metric.py",
    ),
    Fault(
        "a flag contradicts the run to resume",
        f"{CODE}/training/run_folder.py",
        "if new != old and not KEYS[key].free:",
        "if new != old and KEYS[key].free:",
        "tests/test_resume.py -k contradicts",
    ),
    Fault(
        "a run keeps the paths of the folder that it was started in",
        f"{CODE}/training/run_folder.py",
        "str(Path(value).absolute())",
        "str(Path(value))",
        "tests/test_pretrained.py -k any_folder",
    ),
    Fault(
        "a stage asks the whole run for its checkpoint",
        f"{CODE}/training/opened_run.py",
        "run.folder.stage(1) if run.folder and run.config.stages else run.folder",
        "run.folder",
        "tests/test_steps.py -k prepared_once",
    ),
]
