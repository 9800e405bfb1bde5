# SPDX-License-Identifier: Apache-2.0
"""What is known of one config key, and the check of a value for it."""

import math
from dataclasses import dataclass

from adabin.utils.errors import UserError

# How a key takes part in the description of a checkpoint (src/adabin/utils/checkpoint.py).
IDENTITY = "identity"  # must agree, and a training that starts from the checkpoint may have another
MEANING = "meaning"  # must agree; with another one the tensors fit all the same and mean something else
TOLD = "told"  # is only told
# What of a program's work a key has an effect on; on training, all of them have one.
NETWORK = "network"  # which network it is
WEIGHTS = "weights"  # which weights of a checkpoint are taken
TEST = "test"  # the test images of a data set
PICTURES = "pictures"  # how a picture is prepared, and what the answer is called
DEVICE = "device"
KERNELS = "kernels"  # whether the CPU kernels compute
RUNS = "runs"  # where runs lie
ON_TESTS = (NETWORK, WEIGHTS, TEST, DEVICE, RUNS)  # of programs that run a checkpoint on test images


@dataclass(frozen=True)
class Key:
    """One config key.

    Attributes:
        default: also gives the type; a float key takes ints too, a list of numbers takes as many.
        help (str): for `-h` and config/base.yaml.
        choices (tuple): all values there are; empty where the code that uses the key has a table of names.
        at_least, at_most, above, below: bounds of a number, of each number in a list; None: none.
        example (str): of a list, for messages.
        checkpoint (str): part in a checkpoint's description: IDENTITY, MEANING, TOLD, or "" for none.
        exported (bool): export.py writes it beside a network, as it does all that a checkpoint tells.
        in_stage (bool): one of the `stages` of a training may have another value.
        free (bool): a resumed run may have another value; it has no influence on the results.
        uses (tuple): what besides training it has an effect on, from the list above.
        needs (tuple of Need): without one of these the key has no effect, and a flag for it is refused.
    """

    default: object
    help: str
    choices: tuple = ()
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    example: str = ""
    checkpoint: str = ""
    exported: bool = False
    in_stage: bool = False
    free: bool = False
    uses: tuple = ()
    needs: tuple = ()

    def checked(self, value, where):
        """The value with the type of the default.

        Args:
            value: as YAML gave it.
            where (str): begins the message: source and name.

        Raises:
            UserError: of another type, or out of range.
        """
        default = self.default
        if isinstance(default, float):
            value = _number(value)
        if isinstance(value, bool) and "off" in self.choices:
            value = "on" if value else "off"  # which YAML takes for truth values
        if self.example and not isinstance(value, list):
            raise UserError(f"{where}: {value!r} is not of type list; give one, such as '{self.example}'")
        if type(value) is not type(default):
            raise UserError(f"{where}: {value!r} is not of type {type(default).__name__}; the default is {default!r}")
        if default == []:
            if not all(isinstance(v, str) for v in value):
                raise UserError(f"{where}: {value!r} is not a list of texts; put each one into quotes")
            return value
        if isinstance(default, list):
            return self._checked_numbers(value, where)
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{where}: {value!r} is not a finite number; the default is {default!r}")
        if self.choices and value not in self.choices:
            raise UserError(f"{where}: {value!r} is not one of {', '.join(map(str, self.choices))}")
        if self.at_least is not None and not value >= self.at_least:
            raise UserError(f"{where}: {value!r} is too small; give {self.at_least} or more")
        if self.at_most is not None and not value <= self.at_most:
            raise UserError(f"{where}: {value!r} is too large; give {self.at_most} or less")
        if self.below is not None and not value < self.below:
            raise UserError(f"{where}: {value!r} is too large; give less than {self.below}")
        if self.above is not None and not value > self.above:
            raise UserError(f"{where}: {value!r} is not above {self.above}; the default is {default!r}")
        return value

    def _checked_numbers(self, value, where):
        default, numbers = self.default, [_number(v) for v in value]
        if len(value) != len(default) or not all(type(v) is float and math.isfinite(v) for v in numbers):
            raise UserError(f"{where}: {value!r} is not a list of {len(default)} numbers like {default!r}")
        if self.above is not None and not min(numbers) > self.above:
            raise UserError(
                f"{where}: {value!r} holds a number that is not above {self.above}; the default is {default!r}"
            )
        return numbers


def _number(value):
    """A number, or a text that YAML should have read as one (1e-4), as a float; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    try:
        return float(value)
    except (ValueError, OverflowError):
        return value
