# SPDX-License-Identifier: Apache-2.0
"""Write a network in deploy form to a file, and prove that the file computes what the network computes."""

import contextlib

from adabin.data.subset import first_images
from adabin.deploy import to_deploy, to_plain
from adabin.export.description import description_path, target_path, write_description
from adabin.export.file import compare, write
from adabin.inference import CellModel, load_mindir, outputs_of
from adabin.layers import traits_of
from adabin.utils.errors import UserError
from adabin.utils.files import replacing

__all__ = ["export_network", "target_path", "write"]


def export_network(
    opened, file_name=None, *, file_format="MINDIR", batch_size=1, check_images=256, tolerance=1e-4, force=False
):
    """Export a trained network, with the description that predict.py and preprocess.py read beside it.

    The written MindIR is loaded back and compared with the training form on test images; of ONNX and AIR, which
    MindSpore cannot load, the deploy form that went into the file. The file gets its name when it has passed.

    Args:
        opened (Opened): with the test images (split="test") where `check_images` is not 0; its network is taken over,
            and of no use afterwards.
        file_name (str): of the file to write; None: <network>_<dataset> and the format's suffix beside the checkpoint.
        file_format (str): MINDIR, ONNX or AIR, which needs an Ascend device.
        batch_size (int): images per call, fixed in the file.
        check_images (int): test images to compare on; 0 exports without proof.
        tolerance (float): largest difference allowed, relative to the largest value of an output.
        force (bool): replace existing files.

    Returns:
        dict: file, description, file_format, batch_size, binary_layers, bytes, and what `compare` found.

    Raises:
        UserError: a file exists, the format is not to be had on this device, the config has another image size than
            its data, or a layer cannot be exported.
        RunError: the difference exceeds what is allowed.
    """
    config, network = opened.config, opened.network
    if file_format == "AIR" and config.device_target != "Ascend":
        raise UserError(
            "--file_format AIR: MindSpore writes it on an Ascend only; give --device_target=Ascend there, or choose "
            "--file_format=MINDIR, which an Ascend takes too"
        )
    default_name = str(opened.path.with_name(f"{config.network}_{config.dataset}"))
    path = target_path(default_name if file_name is None else file_name, file_format, force)
    description = description_path(path, config, force)
    result = {
        "file": str(path),
        "description": str(description),
        "file_format": file_format,
        "batch_size": batch_size,
        "binary_layers": sum(
            bool(traits and traits.on_bits) for traits in (traits_of(cell) for _, cell in network.cells_and_names())
        ),
    }
    if check_images:
        images = first_images(opened.data, check_images)
        if images.shape[1:] != (3, config.image_size, config.image_size):
            raise UserError(
                f"config: image_size: {config.image_size} is not the size of the images of {config.dataset}, "
                f"{images.shape[-1]}; correct it, or export without comparing with --check_images 0"
            )
        expected = outputs_of(CellModel(to_plain(network), batch_size), images, batch_size)
    try:
        deployed = to_deploy(network)
    except ValueError as error:  # it names the layer, and what that lacks
        raise UserError(f"{config.network}: cannot be exported: {error}") from error
    with contextlib.ExitStack() as undo:
        with replacing(path, anew=not force) as temporary:
            write(deployed, temporary, file_format, (batch_size, 3, config.image_size, config.image_size))
            result["bytes"] = temporary.stat().st_size
            if check_images:
                is_mindir = file_format == "MINDIR"
                model = load_mindir(temporary, batch_size) if is_mindir else CellModel(deployed, batch_size)
                what = str(path) if is_mindir else f"the deploy form in {path}"
                result |= compare(model, expected, images, batch_size, tolerance, opened.task, what)
            # Before the file has its name: of two exports to one name, the second ends here, whatever their formats.
            if write_description(description_path(path, config, force), config, opened.task):
                undo.callback(description.unlink, missing_ok=True)
        undo.pop_all()
    return result
