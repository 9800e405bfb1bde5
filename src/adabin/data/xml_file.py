# SPDX-License-Identifier: Apache-2.0
"""XML from strangers: no document type, so no entities that expand or read files, and a bounded size."""

import os
from xml.etree import ElementTree
from xml.parsers import expat

from adabin.utils.errors import UserError

LARGEST = 16 << 20  # bytes; an object of VOC takes 300
DEEPEST = 100  # levels; an annotation of VOC has four


def read_xml(path):
    """Root element of an XML file.

    Raises:
        UserError: it is missing, too large, malformed, too deep, or has a document type.
    """
    try:
        with open(path, "rb") as handle:
            if os.fstat(handle.fileno()).st_size > LARGEST:
                raise UserError(f"{path}: larger than {LARGEST >> 20} MiB, which no annotation is")
            data = handle.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        _check(data)
        return ElementTree.fromstring(data)
    except expat.ExpatError as error:
        raise UserError(f"{path}: malformed XML (line {error.lineno}: {expat.ErrorString(error.code)})") from error
    except (_Refused, ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: malformed XML ({error})") from error


class _Refused(Exception):
    """XML that no annotation needs."""


def _check(data):
    """Go through the file without building anything of it."""
    parser, depth = expat.ParserCreate(), 0

    def refuse(*_):
        raise _Refused("has a document type, which annotations do not need")

    def enter(*_):
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise _Refused(f"more than {DEEPEST} levels deep")

    def leave(*_):
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = enter, leave
    parser.Parse(data, True)
