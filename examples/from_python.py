# SPDX-License-Identifier: Apache-2.0
"""The whole way from Python: train, evaluate, export, predict; in a clone, or where the wheel is installed.

python examples/from_python.py FOLDER [--key=value ...]         # config keys, such as --epochs=1
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if (ROOT / "src" / "adabin").is_dir():  # a clone runs its own code
    sys.path.insert(0, str(ROOT))
    import src  # noqa: F401

# isort: split
import cv2

from adabin.data.shapes import draw_shapes
from adabin.export import export_network
from adabin.inference import evaluate, load_mindir
from adabin.opening import open_checkpoint
from adabin.predict import predict_files
from adabin.training.opened_run import open_run, train_run
from adabin.utils.cli import run
from adabin.utils.config import parse_flags
from adabin.utils.places import RECIPES


def main(argv):
    """Returns what each step found."""
    flags, overrides = parse_flags(__doc__, argv, lambda parser: parser.add_argument("folder", type=Path))
    folder = flags.folder
    overrides["output_path"] = str(folder / "outputs")
    trained = train_run(open_run(RECIPES / "resnet20_shapes.yaml", overrides=overrides))

    opened = open_checkpoint(Path(trained["run"]) / "best.ckpt", split="test")
    metric = evaluate(opened.model(opened.config.eval_batch_size), opened.data.batches(0), opened.task.metric())
    exported = export_network(opened, str(folder / "net"))

    pictures, labels = draw_shapes("test", 4, 0)
    files = [folder / f"{opened.config.class_names[label]}_{number}.png" for number, label in enumerate(labels)]
    for file, picture in zip(files, pictures, strict=True):
        cv2.imwrite(str(file), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    model = load_mindir(exported["file"])
    predictions, _ = predict_files(model, opened.task, opened.config, files, folder / "drawn", force=False)
    return {
        "trained": trained,
        "evaluated": metric.result([metric.state()]),
        "exported": exported,
        "predicted": predictions,
    }


if __name__ == "__main__":
    run(main)
