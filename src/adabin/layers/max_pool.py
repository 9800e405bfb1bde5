# SPDX-License-Identifier: Apache-2.0
"""The max pooling behind the first convolution of ImageNet networks."""

from mindspore import nn


class MaxPool3x3(nn.Cell):
    """Maximum over the 3x3 pixels around every second pixel; pixels outside the map do not count.

    A class of its own because MindSpore does not export a max pooling with padding to ONNX: it has a deploy form.

    Inputs: x (N, C, H, W). Output: (N, C, ceil(H / 2), ceil(W / 2)).
    """

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, pad_mode="pad", padding=1)

    def construct(self, x):
        return self.pool(x)

    def deploy_form(self):
        """`DeployMaxPool3x3` of it."""
        return DeployMaxPool3x3(self)


class DeployMaxPool3x3(nn.Cell):
    """`MaxPool3x3` in operators that export everywhere: the maximum around every pixel, then every second of them.

    "Same" pooling of stride 1 pads one pixel on each side, which never wins. With stride 2 it would put the windows
    elsewhere in maps of even size, and zeros around the map would be wrong where it is negative. In training this form
    takes five times as long as the other, so it is made at export.

    Args:
        trained (MaxPool3x3): the layer in training form.
    """

    def __init__(self, trained):
        super().__init__()
        self.around_every_pixel = nn.MaxPool2d(kernel_size=3, stride=1, pad_mode="same")
        self.every_second = nn.MaxPool2d(kernel_size=1, stride=2)

    def construct(self, x):
        return self.every_second(self.around_every_pixel(x))
