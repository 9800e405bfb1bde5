# SPDX-License-Identifier: Apache-2.0
"""The Python binding of the C++ engine: the program's bits, arrays where they lie, errors in one line."""

import ctypes
import re
import shutil
import threading
import time

import numpy as np
import pytest

from adabin.engine import EngineModel, Model, library
from adabin.utils.errors import RunError, UserError
from tests import cpp
from tests.programs import ROOT

BUILT = library.LIBRARY
MODEL = ROOT / "models" / "resnet20_cifar10" / "resnet20.adabin"
GOLDEN = ROOT / "tests" / "golden"
HEADER = ROOT / "ascend310_infer" / "inc" / "adabin.h"


@pytest.fixture(autouse=True)
def built(monkeypatch):
    cpp.program("libadabin.so")
    monkeypatch.delenv(library.VARIABLE, raising=False)


@pytest.fixture
def model():
    with Model(MODEL) as opened:
        yield opened


def images_of(model, count, seed=0):
    return np.random.default_rng(seed).standard_normal((count, *model.inputs[0].shape[1:]), np.float32)


@pytest.mark.parametrize("path", [MODEL, *sorted(GOLDEN.glob("*/model.mindir"))], ids=lambda path: path.parent.name)
@pytest.mark.parametrize("threads", [1, 2])
def test_numbers_are_the_programs_to_the_last_bit(path, threads, tmp_path):
    with Model(path) as model, model.session(threads=threads) as session:
        images = images_of(model, 5)
        outputs = session.run(images)
    expected, _ = cpp.infer(path, images, tmp_path, "--threads", "1")
    np.testing.assert_array_equal(outputs[0].reshape(5, -1).view(np.uint32), expected.view(np.uint32))


def test_a_model_says_what_it_is(model):
    assert model.inputs == (("x", (None, 3, 32, 32)),) and model.outputs == (("output_0", (None, 10)),)
    assert model.binary_layers == model.packed_layers == 18
    assert model.metadata["network"] == "resnet20"
    assert model.metadata["class_names"].split("\n")[-1] == "truck"
    assert len(model.steps) > 18 and model.steps[-1].startswith("Output")
    with Model(MODEL, kernel="float") as in_float:
        assert in_float.kernel == "float" and in_float.packed_layers == 0


@pytest.mark.parametrize("folder", ["network", "residual", "vgg_pooling_before_batch_norm"])
def test_the_reference_gives_what_mindspore_gave(folder):
    model = EngineModel(GOLDEN / folder / "model.mindir", threads=2, device="Reference")
    images = np.fromfile(GOLDEN / folder / "input.bin", np.float32).reshape(-1, *model.opened.inputs[0].shape[1:])
    (outputs,) = model(images)
    expected = np.fromfile(GOLDEN / folder / "output.bin", np.float32).reshape(outputs.shape)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert model.session.threads == 1 and model.opened.packed_layers == 0 < model.opened.binary_layers
    (fast,) = EngineModel(GOLDEN / folder / "model.mindir")(images)
    assert not np.array_equal(fast, outputs), "rounded otherwise: it is another program that ran"
    np.testing.assert_allclose(fast, outputs, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_an_unknown_device_is_told_which_there_are():
    with pytest.raises(UserError, match="device_type GPU: is none of CPU, Reference, Ascend"):
        Model(MODEL, device="GPU")
    with pytest.raises(UserError, match="kernel portable: device_type Reference .*leave it out"):
        Model(MODEL, device="Reference", kernel="portable")


def test_a_model_in_memory_gives_the_same_and_keeps_nothing_of_the_bytes(model):
    images = images_of(model, 3)
    with Model(MODEL.read_bytes()) as copy, copy.session() as session, model.session() as other:
        np.testing.assert_array_equal(session.run(images)[0], other.run(images)[0])
        assert copy.metadata == model.metadata and copy.description == model.description != ""


def test_arrays_are_read_and_written_where_they_lie(model, monkeypatch):
    images, given = images_of(model, 4), np.full((4, 10), np.nan, np.float32)
    with model.session(threads=1) as session:
        seen = []
        run = session._library.adabin_session_run
        monkeypatch.setattr(
            session._library, "adabin_session_run", lambda *a: (seen.append((a[2][0].data, a[4][0].data)), run(*a))
        )
        (written,) = session.run(images, out=(given,))
        assert written is given and seen == [(images.ctypes.data, given.ctypes.data)]
        np.testing.assert_array_equal(session.run(images)[0], given)
        # Elements in another order are put in order before.
        np.testing.assert_array_equal(session.run(np.asfortranarray(images))[0], given)
        assert session.run(images[:0])[0].shape == (0, 10)


def test_pixels_are_normalized_as_in_python(model):
    from adabin.data.transforms import normalize

    pixels = np.random.default_rng(1).integers(0, 256, (7, 32, 32, 3), np.uint8)
    mean, std = ([float(x) for x in model.metadata[key].split("\n")] for key in ("mean", "std"))
    with model.session() as floats, model.session(pixels=True, threads=2) as session:
        (expected,) = floats.run(normalize(pixels, mean, std))
        np.testing.assert_array_equal(session.run(pixels)[0], expected)
        with pytest.raises(UserError, match=r"x: is float32 .* the network's is uint8 \(N, 32, 32, 3\)"):
            session.run(pixels.astype(np.float32))
    bare = (GOLDEN / "network" / "model.mindir").read_bytes()
    with Model(bare) as bare, pytest.raises(UserError, match="no mean in its metadata"):
        bare.session(pixels=True)
    with model.session(pixels=True, normalization=(mean, std)) as session:
        np.testing.assert_array_equal(session.run(pixels)[0], expected)
    with model.session(pixels=True, normalization=(np.zeros(3), np.ones(3))) as session:
        assert (session.run(pixels)[0] != expected).any()


@pytest.mark.parametrize(
    "images, said",
    [
        (
            np.zeros((2, 3, 16, 16), np.float32),
            r"is float32 \(2, 3, 16, 16\), the network's is float32 \(N, 3",
        ),
        (np.zeros((2, 3, 32, 32), np.float64), "x: is float64"),
        (np.zeros((3, 32, 32), np.float32), r"x: is float32 \(3, 32, 32\)"),
        (np.float32(1), r"x: is float32 \(1,\)"),
    ],
)
def test_arrays_of_another_type_or_shape_are_refused(model, images, said):
    with model.session(threads=1) as session, pytest.raises(UserError, match=said):
        session.run(images)


def test_other_numbers_of_arrays_and_outputs_that_cannot_be_written_are_refused(model):
    images, frozen = images_of(model, 2), np.zeros((2, 10), np.float32)
    frozen.flags.writeable = False
    with model.session(threads=1) as session:
        for inputs in ((), (images, images)):
            with pytest.raises(UserError, match=f"1 inputs, not {len(inputs)}"):
                session.run(*inputs)
        for out in (frozen, np.zeros((2, 20), np.float32)[:, ::2]):
            with pytest.raises(UserError, match="out: an array cannot be written to in order"):
                session.run(images, out=(out,))
        with pytest.raises(UserError, match="output_0: is float32"):
            session.run(images, out=(np.zeros((1, 10), np.float32),))


def test_what_is_closed_says_so_and_a_session_outlives_its_model(model):
    images = images_of(model, 2)
    session = model.session()
    (expected,) = session.run(images)
    model.close()
    np.testing.assert_array_equal(session.run(images)[0], expected)
    session.close()
    session.close()
    for use in (lambda: session.run(images), model.session):
        with pytest.raises(ValueError, match="is closed"):
            use()


def test_numbers_that_c_does_not_hold_are_refused(model):
    for options, said in (
        ({"threads": 2**32 + 1}, "threads 4294967297: is not within"),
        ({"threads": -(2**32) + 1}, "threads -4294967295: is not within"),
        ({"threads": 1.5}, "threads: 1.5 is no whole number"),
        ({"threads": -1}, "threads -1: give 1 to"),
        ({"memory_limit": 2**64 + 1}, "memory_limit 18446744073709551617: is not within"),
        ({"memory_limit": -1}, "memory_limit -1: is not within"),
    ):
        with pytest.raises(UserError, match=said):
            model.session(**options)
    with pytest.raises(UserError, match="samples -1"):
        model.session_bytes(-1)


def test_eight_threads_over_one_model_give_the_bits_of_one(model):
    images, found = images_of(model, 3), []
    (expected,) = model.session(threads=1).run(images)

    def use():
        with model.session(threads=2) as session:
            found.extend(np.array_equal(session.run(images)[0], expected) for _ in range(5))

    users = [threading.Thread(target=use) for _ in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert found == [True] * 40


def test_memory_is_known_before_and_a_profile_after(model):
    assert 0 < model.session_bytes(1, threads=1) < model.session_bytes(8, threads=4)
    with pytest.raises(UserError, match="memory_limit 1: one sample needs"):
        model.session(threads=1, memory_limit=1)
    with model.session(threads=1, profile=True) as session:
        session.run(images_of(model, 2))
        assert [step for step, _ in session.profile()] == list(model.steps)
        assert all(milliseconds > 0 for _, milliseconds in session.profile())


def test_files_and_options_that_cannot_be_used_are_one_line(tmp_path):
    (tmp_path / "cut.adabin").write_bytes(MODEL.read_bytes()[:1000])
    for source, said in (
        (tmp_path / "none.adabin", "none.adabin: cannot be read"),
        (tmp_path / "cut.adabin", "cut.adabin: the packed model should have"),
        (b"nonsense", "not a MindIR"),
    ):
        with pytest.raises(UserError, match=said) as raised:
            Model(source)
        assert "\n" not in str(raised.value)
    with pytest.raises(UserError, match="kernel nonsense: no such kernel; available: auto"):
        Model(MODEL, kernel="nonsense")
    with Model(MODEL) as model, pytest.raises(UserError, match="threads 257: give 1 to 256"):
        model.session(threads=257)


def test_closing_and_looking_at_times_while_another_thread_runs_harm_nothing(model):
    session = model.session(threads=2, profile=True)
    images, seen, stop = images_of(model, 3000), [], threading.Event()

    def look():
        while not stop.is_set():
            seen.append(session.profile())

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(3):
        (expected,) = session.run(images[:300])
    stop.set()
    watcher.join()
    assert seen and all(milliseconds >= 0 for _, milliseconds in seen[-1])
    found = []
    runner = threading.Thread(target=lambda: found.extend(session.run(images)))
    runner.start()
    while session._users == 0 and runner.is_alive():
        time.sleep(0.001)
    session.close()
    runner.join()
    np.testing.assert_array_equal(found[0][:300], expected)
    with pytest.raises(ValueError, match="is closed"):
        session.run(images[:1])


def test_a_library_that_is_missing_or_another_is_named_with_the_command_that_builds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "LIBRARY", tmp_path / "build" / "libadabin.so")
    monkeypatch.setattr(library.ctypes.util, "find_library", lambda name: None)
    with pytest.raises(UserError, match=f"libadabin.so; build it .* with: {library.BUILD}"):
        Model(MODEL)
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "none.so"))
    with pytest.raises(UserError, match=rf"ADABIN_LIBRARY=.*none\.so: no such file; .*{library.BUILD}"):
        Model(MODEL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(BUILT, "mine.so")
    monkeypatch.setenv(library.VARIABLE, "mine.so")
    with Model(MODEL) as model:
        assert model.inputs
    (tmp_path / "text.so").write_text("no library")
    monkeypatch.setenv(library.VARIABLE, str(tmp_path / "text.so"))
    with pytest.raises(UserError, match=rf"text\.so: cannot be loaded .*{library.BUILD}"):
        Model(MODEL)
    monkeypatch.setenv(library.VARIABLE, str(cpp.BUILD / "libadabin.so"))
    with monkeypatch.context() as patched:
        patched.setitem(library.FUNCTIONS, "adabin_later", (None,))
        library._load.cache_clear()
        with pytest.raises(UserError, match=f"has no adabin_later; .*{library.BUILD}"):
            Model(MODEL)
    monkeypatch.setattr(library, "VERSION", "9.")
    library._load.cache_clear()
    with pytest.raises(UserError, match=rf"has version 0\.1\.0, 9\.x is needed; .*{library.BUILD}"):
        Model(MODEL)


def test_what_is_nobodys_input_is_no_user_error():
    class Stub:
        def adabin_status_code(self, status):
            return status

        def adabin_status_message(self, status):
            return b"said"

        def adabin_status_release(self, status):
            self.released = status

    stub = Stub()
    for code, kind in ((1, UserError), (2, UserError), (3, UserError), (4, UserError), (5, MemoryError), (6, RunError)):
        with pytest.raises(kind, match="said"):
            library._check(stub, code, None, ())
        assert stub.released == code


def test_what_is_declared_is_what_the_header_says():
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = {}
    for result, name, arguments in re.findall(r"ADABIN_API ([\w ]+?\**) ?(adabin_\w+)\((.*?)\);", text, re.DOTALL):
        arguments = [] if arguments.strip() == "void" else arguments.split(",")
        found[name] = (result == "adabin_status*", len(arguments))
    declared = {
        name: (result is library.Status, len(arguments)) for name, (result, *arguments) in library.FUNCTIONS.items()
    }
    assert declared == found
    assert library.VERSION in re.search(r'ADABIN_VERSION "(.*)"', text).group(1)
    for name, value in (("FLOAT32", library.FLOAT32), ("UINT8", library.UINT8)):
        assert f"ADABIN_{name} = {value}" in text
    codes = ("INVALID_ARGUMENT", "FILE", "MODEL", "RESOURCE", "OUT_OF_MEMORY")
    for name in codes:
        assert f"ADABIN_{name} = {getattr(library, name)}" in text
    (box,) = re.findall(r"typedef struct adabin_box \{(.*?)\}", text, re.DOTALL)
    kinds = {"double": ctypes.c_double, "int": ctypes.c_int, "float": ctypes.c_float}
    assert library.Box._fields_ == [(name, kinds[kind]) for kind, name in re.findall(r"(\w+) (\w+);", box)]
    assert ctypes.sizeof(library.Buffer) == 2 * ctypes.sizeof(ctypes.c_void_p)
