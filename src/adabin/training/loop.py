# SPDX-License-Identifier: Apache-2.0
"""The loop over epochs: train, evaluate, record, save; resumable after every epoch, whatever ends it."""

import contextlib
import math
import sys
import time

from tqdm import tqdm

from adabin.layers import set_estimator
from adabin.training.distributed import World
from adabin.training.evaluate import predict_logits
from adabin.training.health import HealthRecord
from adabin.training.metrics import classification_sums, metrics_of_sums
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
        self.every, self.total, self.first, self.done = every, total, done, done
        self.start = self.printed = time.monotonic()

    def advance(self, images, text):
        """Count images; `text` says where the training stands."""
        self.done += images
        if self.bar is not None:
            self.bar.set_description_str(text, refresh=False)
            self.bar.update(images)
        elif time.monotonic() - self.printed > self.every:
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
    """(loss, number of right answers) of each step of an epoch, as tensors that may still be computed."""
    if next_step is None:
        for images, labels in data.batches(epoch):
            yield step(images, labels)
    else:
        for _ in range(data.steps_per_epoch):
            yield next_step()


def _train_epoch(step, data, epoch, config, progress, next_step=None):
    """One pass over the training images; returns (mean loss, accuracy)."""
    loss_sum, correct_sum, steps, pending = 0.0, 0, 0, []
    for result in _results(step, data, epoch, next_step):
        pending.append(result)
        if len(pending) == config.log_steps or steps + len(pending) == data.steps_per_epoch:
            for loss, correct in pending:
                steps += 1
                loss = float(loss.asnumpy())
                if not math.isfinite(loss):
                    kept = f"epoch {epoch} is kept" if epoch else "no epoch has finished, nothing is kept"
                    raise RunError(
                        f"the loss is {loss} in epoch {epoch + 1}, step {steps}: the training has diverged; "
                        f"try a smaller --lr ({kept})"
                    )
                loss_sum += loss
                correct_sum += int(correct.asnumpy())
            seen = steps * data.share
            progress.advance(
                len(pending) * config.batch_size,
                f"epoch {epoch + 1}/{config.epochs} loss {loss_sum / steps:.4f} top-1 {100 * correct_sum / seen:.2f} %",
            )
            pending.clear()
    return loss_sum / steps, correct_sum / (steps * data.share)


def _training_state(update):
    """(name to Parameter of the averaged weights, the same of all that the update keeps beside the optimizer)."""
    average = update.average
    averages = {AVERAGE_PREFIX + name: p for name, p in average.parameters().items()} if average else {}
    scale = {p.name: p for p in update.loss_scale.get_parameters()} if update.loss_scale else {}
    return averages, averages | scale


def _evaluate(network, data, batch_size, world):
    """Metrics over all images of a split, of which each rank evaluates its part."""
    return metrics_of_sums(world.total(classification_sums(*predict_logits(network, data.batches(0), batch_size))))


def train(network, step, train_data, test_data, config, run, world=None):
    """Train from the run folder's last checkpoint, or from the start, to the last epoch.

    Args:
        network (Cell), step (TrainStep or AccumulatedStep): the network and its compiled update.
        train_data, test_data (ImageDataset): the two splits.
        config (Config), run (RunFolder): recipe and place of the results.
        world (World): the processes that train together; this one alone when not given.

    Returns:
        dict: epochs, top-1 of the last and of the best epoch, run folder.

    Raises:
        RunError: the loss is not finite.
        UserError: a file of the run cannot be read or written.
    """
    world = world or World()
    start, best = 0, -1.0
    averages, state = _training_state(step.update)
    evaluated = step.update.average.in_place if averages and config.evaluate_ema else contextlib.nullcontext
    if world.is_main and run.last.is_file():
        metadata = load_training(run.last, network, step.optimizer, config, state)
        start, best = metadata["epoch"], metadata["best_top1"]
    else:
        run.expect_nothing_finished()
    start, best = world.agree([start, best])
    if start:
        run.keep_epochs(start)
        run.log(f"resuming {run.path} after epoch {start}")
    own_state = optimizer_parameters(step.optimizer, network)
    saved = [*network_parameters(network).values(), *own_state.values(), *state.values()]
    world.share(saved)
    health = HealthRecord(network, test_data, config) if world.is_main else None
    next_step = sink_step(step, train_data, start, config, run.log)
    eval_batch = min(config.eval_batch_size, test_data.num_images)
    images_per_epoch = train_data.steps_per_epoch * config.batch_size
    progress = Progress(config.epochs * images_per_epoch, start * images_per_epoch)
    try:
        for epoch in range(start, config.epochs):
            lr, (k, t) = learning_rate(epoch, config), estimator_parameters(epoch, config)
            step.set_learning_rate(lr)
            set_estimator(network, k, t)
            began = time.monotonic()
            step.set_train(True)
            train_loss, train_top1 = _train_epoch(step, train_data, epoch, config, progress, next_step)
            seconds = time.monotonic() - began
            train_loss, train_top1 = world.mean(train_loss, train_top1)
            world.average_statistics(saved)
            world.expect_same(saved)
            with evaluated():
                test = _evaluate(network, test_data, eval_batch, world)
            run.add_epoch(
                {
                    "epoch": epoch + 1,
                    "lr": lr,
                    "k": k,
                    "t": t,
                    "train_loss": train_loss,
                    "train_top1": train_top1,
                    "test_loss": test["loss"],
                    "test_top1": test["top1"],
                    "images_per_second": round(images_per_epoch / seconds, 1),
                    "seconds": round(seconds, 1),
                    **(health.measure() if health else {}),
                }
            )
            is_best = test["top1"] > best
            best = max(best, test["top1"])
            metadata = describe(config, epoch=epoch + 1, top1=test["top1"], best_top1=best)
            if is_best and world.is_main:
                save_checkpoint(run.best, network, metadata, extra=averages)
            if world.is_main:
                save_checkpoint(run.last, network, metadata, step.optimizer, state)
            run.log(
                f"epoch {epoch + 1}/{config.epochs}: train loss {train_loss:.4f} top-1 {100 * train_top1:.2f} %, "
                f"test loss {test['loss']:.4f} top-1 {100 * test['top1']:.2f} % (best {100 * best:.2f} %), "
                f"{images_per_epoch / seconds:.0f} images/s",
                progress.write,
            )
    finally:
        progress.close()
    return {
        "network": config.network,
        "dataset": config.dataset,
        "epochs": config.epochs,
        "top1": float(run.rows[-1]["test_top1"]),
        "best_top1": best,
        "workers": world.size,
        "threads": default_threads(),
        "run": str(run.path),
    }
