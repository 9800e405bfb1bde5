# SPDX-License-Identifier: Apache-2.0
"""Write config/base.yaml from the schema, src/adabin/utils/schema.py; to be run when a key was added or changed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import src  # noqa: E402, F401 - makes adabin importable
from adabin.utils.base_file import base_text  # noqa: E402
from adabin.utils.cli import run  # noqa: E402
from adabin.utils.config import BASE_PATH, parse_flags  # noqa: E402
from adabin.utils.files import replacing  # noqa: E402


def main(argv):
    parse_flags(__doc__, argv, lambda parser: None, with_config_keys=False)
    with replacing(BASE_PATH) as temporary:
        temporary.write_text(base_text(), encoding="utf-8")
    return {"file": str(BASE_PATH)}


if __name__ == "__main__":
    run(main)
