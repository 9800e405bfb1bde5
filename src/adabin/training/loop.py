# SPDX-License-Identifier: Apache-2.0
"""The loop over epochs: train, evaluate, record, save; resumable after every epoch, whatever ends it."""

import contextlib
import math
import sys
import time

from tqdm import tqdm

from adabin.inference import CellModel, evaluate
from adabin.layers import set_estimator
from adabin.training.distributed import World
from adabin.training.health import HealthRecord
from adabin.training.schedule import estimator_parameters, learning_rate
from adabin.training.sink import sink_step
from adabin.utils.checkpoint import (
    AVERAGE_PREFIX,
    describe,
    load_training,
    network_parameters,
    optimizer_parameters,
    save_checkpoint,
)
from adabin.utils.cli import log
from adabin.utils.errors import RunError
from adabin.utils.threads import default_threads


class Progress:
    """A bar on a terminal; elsewhere a plain line from time to time.

    Args:
        total, done (int): images of the whole training, and those of epochs finished earlier.
        every (float): seconds between two plain lines.
    """

    def __init__(self, total, done, every=30.0):
        self.bar = (
            tqdm(
                total=total,
                initial=done,
                unit="img",
                unit_scale=True,
                smoothing=0.05,
                dynamic_ncols=True,
                file=sys.stderr,
            )
            if sys.stderr.isatty()
            else None
        )
        self.every, self.total, self.done = every, total, done
        self.start = self.first = None  # when the rate begins to count, and after how many images
        self.printed = time.monotonic()

    def advance(self, images, text):
        """Count images; `text` says where the training stands."""
        self.done += images
        if self.start is None:  # these have waited for the compiler
            self.start, self.first = time.monotonic(), self.done
        if self.bar is not None:
            self.bar.set_description_str(text, refresh=False)
            self.bar.update(images)
        elif self.done > self.first and time.monotonic() - self.printed > self.every:
            self.printed = time.monotonic()
            rate = (self.done - self.first) / (self.printed - self.start)
            minutes, seconds = divmod(round((self.total - self.done) / rate), 60)
            log(f"{text}, {rate:.0f} images/s, {minutes // 60}:{minutes % 60:02}:{seconds:02} left")

    def write(self, message):
        """Print a line without tearing the bar."""
        tqdm.write(message, file=sys.stderr) if self.bar is not None else log(message)

    def close(self):
        if self.bar is not None:
            self.bar.close()


def _results(step, data, epoch, next_step):
    """(loss, statistics) of each step of an epoch, as tensors that may still be computed."""
    if next_step is None:
        for images, *targets in data.batches(epoch):
            yield step(images, *targets)
    else:
        for _ in range(data.steps_per_epoch):
            yield next_step()


def _train_epoch(step, data, epoch, config, task, progress, next_step=None):
    """One pass over the training images; returns the means over the images: `loss`, and the loss's statistics."""
    names = step.loss.statistics
    loss_sum, sums, steps, pending = 0.0, [0.0] * len(names), 0, []

    def means():
        return {"loss": loss_sum / steps} | {
            name: total / (steps * data.share) for name, total in zip(names, sums, strict=True)
        }

    for result in _results(step, data, epoch, next_step):
        pending.append(result)
        if len(pending) == config.log_steps or steps + len(pending) == data.steps_per_epoch:
            for loss, statistics in pending:
                steps += 1
                loss = float(loss.asnumpy())
                if not math.isfinite(loss):
                    kept = f"epoch {epoch} is kept" if epoch else "no epoch has finished, nothing is kept"
                    raise RunError(
                        f"the loss is {loss} in epoch {epoch + 1}, step {steps}: the training has diverged; "
                        f"try a smaller --lr ({kept})"
                    )
                loss_sum += loss
                sums = [total + float(value.asnumpy()) for total, value in zip(sums, statistics, strict=True)]
            text = f"epoch {epoch + 1}/{config.epochs} {task.text(means())}"
            progress.advance(len(pending) * config.batch_size, text)
            pending.clear()
    return means()


def _training_state(update):
    """(name to Parameter of the averaged weights, the same of all that the update keeps beside the optimizer)."""
    average = update.average
    averages = {AVERAGE_PREFIX + name: p for name, p in average.parameters().items()} if average else {}
    scale = {p.name: p for p in update.loss_scale.get_parameters()} if update.loss_scale else {}
    return averages, averages | scale


def _evaluate(model, data, task, world):
    """Metrics over all images of a split, of which each rank evaluates its part."""
    metric = evaluate(model, data.batches(0), task.metric())
    return metric.result(world.gather_states(metric.state()))


def train(network, step, train_data, test_data, config, task, run, world=None):
    """Train from the run folder's last checkpoint, or from the start, to the last epoch.

    Args:
        network (Cell), step (TrainStep or AccumulatedStep): the network and its compiled update.
        train_data, test_data (ImageDataset): the two splits.
        config (Config), run (RunFolder): recipe and place of the results.
        task: what is recorded, and picks the best epoch (adabin.tasks).
        world (World): the processes that train together; this one alone when not given.

    Returns:
        dict: epochs, the task's score after the last and in the best epoch, run folder.

    Raises:
        RunError: the loss is not finite.
        UserError: a file of the run cannot be read or written.
    """
    world = world or World()
    score, best_score = task.score, f"best_{task.score}"
    start, best = 0, -math.inf
    averages, state = _training_state(step.update)
    evaluated = step.update.average.in_place if averages and config.evaluate_ema else contextlib.nullcontext
    if world.is_main and run.last.is_file():
        metadata = load_training(run.last, network, step.optimizer, config, state, best_score)
        start, best = metadata["epoch"], metadata[best_score]
    else:
        run.expect_nothing_finished()
    start, best = world.agree([start, best])
    if start:
        run.keep_epochs(start)
        run.log(f"resuming {run.path} after epoch {start}")
    if start >= config.epochs and world.is_main:
        run.log(
            f"it is finished: {start} epochs; a new run begins with its weights by --pretrained {run.path}/last.ckpt"
        )
    own_state = optimizer_parameters(step.optimizer, network)
    saved = [*network_parameters(network).values(), *own_state.values(), *state.values()]
    world.share(saved)
    health = HealthRecord(network, test_data, config) if world.is_main else None
    next_step = sink_step(step, train_data, start, config, run.log)
    model = CellModel(network, min(config.eval_batch_size, test_data.num_images))
    images_per_epoch = train_data.steps_per_epoch * config.batch_size
    progress = Progress(config.epochs * images_per_epoch, start * images_per_epoch)
    try:
        for epoch in range(start, config.epochs):
            lr, (k, t) = learning_rate(epoch, config), estimator_parameters(epoch, config)
            step.set_learning_rate(lr)
            set_estimator(network, k, t)
            began = time.monotonic()
            step.set_train(True)
            trained = _train_epoch(step, train_data, epoch, config, task, progress, next_step)
            seconds = time.monotonic() - began
            trained = dict(zip(trained, world.mean(*trained.values()), strict=True))
            world.average_statistics(saved)
            world.expect_same(saved)
            with evaluated():
                test = _evaluate(model, test_data, task, world)
            run.add_epoch(
                {
                    "epoch": epoch + 1,
                    "lr": lr,
                    "k": k,
                    "t": t,
                    **{f"train_{name}": value for name, value in trained.items()},
                    **{f"test_{name}": test[name] for name in task.recorded},
                    "images_per_second": round(images_per_epoch / seconds, 1),
                    "seconds": round(seconds, 1),
                    **(health.measure() if health else {}),
                },
                task.plots,
            )
            is_best = test[score] > best
            best = max(best, test[score])
            metadata = describe(config, epoch=epoch + 1, **{score: test[score], best_score: best})
            if is_best and world.is_main:
                save_checkpoint(run.best, network, metadata, extra=averages)
            if world.is_main:
                save_checkpoint(run.last, network, metadata, step.optimizer, state)
            run.log(
                f"epoch {epoch + 1}/{config.epochs}: train {task.text(trained)}, test {task.text(test)} "
                f"(best {task.text({score: best})}), "
                f"{images_per_epoch / seconds:.0f} images/s",
                progress.write,
            )
    finally:
        progress.close()
    return {
        "network": config.network,
        "dataset": config.dataset,
        "epochs": config.epochs,
        score: float(run.rows[-1][f"test_{score}"]),
        best_score: best,
        "workers": world.size,
        "threads": default_threads(),
        "run": str(run.path),
    }
