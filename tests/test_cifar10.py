# SPDX-License-Identifier: Apache-2.0
import functools
import hashlib
import http.server
import io
import os
import pickle
import tarfile
import threading

import numpy as np
import pytest

from adabin.data import build_dataset
from adabin.data.cifar10 import BINARY_FILE_SIZE, CIFAR10_CLASSES, load_cifar10
from adabin.data.download import CIFAR10_ARCHIVE, Archive, download_cifar10
from adabin.data.subset import first_of_each_class
from adabin.utils.config import read_config
from adabin.utils.errors import UserError


@pytest.fixture
def binary_batch(tmp_path):
    """A folder with a test_batch.bin of random pixels, and the array behind it."""
    records = np.random.default_rng(0).integers(0, 256, (10_000, 3073), dtype=np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    (tmp_path / "cifar-10-batches-bin").mkdir()
    records.tofile(tmp_path / "cifar-10-batches-bin" / "test_batch.bin")
    return tmp_path, records


def write_python_batch(path, records, protocol=2, **changes):
    batch = {
        b"batch_label": b"testing batch 1 of 1",
        b"labels": records[:, 0].tolist(),
        b"data": records[:, 1:].copy(),
        b"filenames": [b"%d.png" % k for k in range(len(records))],
    }
    batch.update({key.encode(): value for key, value in changes.items()})
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(batch, protocol))


def refuse(data_path, reason, split="test"):
    with pytest.raises(UserError, match=reason) as refusal:
        load_cifar10(data_path, split)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_binary_records_become_rgb_images_in_file_order(binary_batch):
    folder, records = binary_batch
    images, labels = load_cifar10(folder, "test")
    assert images.shape == (10_000, 32, 32, 3) and images.dtype == np.uint8 and images.flags.c_contiguous
    assert labels.dtype == np.int32 and (labels == records[:, 0]).all()
    assert images[7, 3, 5].tolist() == [records[7, 1 + plane * 1024 + 3 * 32 + 5] for plane in range(3)]
    again, _ = load_cifar10(folder / "cifar-10-batches-bin", "test")
    np.testing.assert_array_equal(images, again)


def test_sizes_take_the_first_images_of_each_class_whatever_the_seed(binary_batch):
    folder, records = binary_batch
    config = read_config(None, {"dataset": "cifar10", "data_path": str(folder), "test_size": 105})
    data = build_dataset(config, "test")
    assert data.num_images == 105 and set(np.bincount(data.labels)) == {10, 11}
    np.testing.assert_array_equal(data.labels, records[:105, 0])  # whose labels go around
    config = config.changed(seed=2, test_size=50)
    again = build_dataset(config, "test")
    np.testing.assert_array_equal(again.images, data.images[:50])
    config = config.changed(test_size=0)
    assert build_dataset(config, "test").num_images == 10_000
    config = config.changed(test_size=10_001)
    with pytest.raises(UserError, match="test_size=10001: cifar10 has 10000 images"):
        build_dataset(config, "test")


def test_the_first_of_each_class_are_taken_in_turns():
    labels = np.array([2, 2, 2, 0, 0, 1, 2])
    assert first_of_each_class(labels, 3).tolist() == [0, 3, 5]
    assert first_of_each_class(labels, 5).tolist() == [0, 1, 3, 4, 5]
    assert first_of_each_class(labels, 7).tolist() == list(range(7))


def test_configs_of_earlier_runs_on_cifar10_keep_meaning_all_images(tmp_path):
    config = read_config(None, {"dataset": "cifar10", "train_size": 100, "test_size": 50})
    (tmp_path / "now.yaml").write_text(config.text())
    (tmp_path / "then.yaml").write_text(config.text().replace("split_seed: 1\n", ""))
    now, then = (read_config(tmp_path / f"{name}.yaml") for name in ("now", "then"))
    assert (now.train_size, now.test_size) == (100, 50) and (then.train_size, then.test_size) == (0, 0)


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_python_layout_gives_the_same_arrays(binary_batch, tmp_path, protocol):
    folder, records = binary_batch
    images, labels = load_cifar10(folder, "test")
    write_python_batch(tmp_path / "other" / "test_batch", records, protocol)
    other_images, other_labels = load_cifar10(tmp_path / "other", "test")
    np.testing.assert_array_equal(images, other_images)
    np.testing.assert_array_equal(labels, other_labels)


def test_the_python_layout_as_python_2_wrote_it(binary_batch, tmp_path):
    folder, records = binary_batch
    raw = records[:, 1:].tobytes()
    program = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04"
        b"K\x00\x85U\x01b\x87Rq\x05(K\x01M\x10'M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + len(raw).to_bytes(4, "little")
        + raw
        + b"tb"
        + b"U\x06labels]("
        + b"".join(b"K" + bytes([label]) for label in records[:, 0].tolist())
        + b"eu."
    )
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(program)
    os.remove(folder / "cifar-10-batches-bin" / "test_batch.bin")
    images, labels = load_cifar10(tmp_path, "test")
    np.testing.assert_array_equal(images.transpose(0, 3, 1, 2).reshape(10_000, -1), records[:, 1:])
    np.testing.assert_array_equal(labels, records[:, 0])


def test_a_missing_folder_is_refused(tmp_path):
    assert "--data_path" in refuse("", "empty")
    assert str(tmp_path / "absent") in refuse(tmp_path / "absent", "no such folder")
    assert str(tmp_path) in refuse(tmp_path, "no CIFAR-10 files")


def test_missing_and_truncated_files_are_refused(binary_batch):
    folder, records = binary_batch
    assert "data_batch_1.bin: missing" in refuse(folder, "data_batch_1", "train")
    path = folder / "cifar-10-batches-bin" / "test_batch.bin"
    path.write_bytes(records.tobytes()[:-1])
    assert str(path) in refuse(folder, f"{BINARY_FILE_SIZE - 1} bytes instead of {BINARY_FILE_SIZE}")


def test_labels_out_of_range_are_refused(binary_batch):
    folder, records = binary_batch
    records[123, 0] = 10
    records.tofile(folder / "cifar-10-batches-bin" / "test_batch.bin")
    refuse(folder, "label 10 in record 123")


def test_cifar100_is_recognized(tmp_path):
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary" / "train.bin").write_bytes(b"x")
    refuse(tmp_path, "CIFAR-100")
    refuse(tmp_path / "cifar-100-binary", "CIFAR-100")
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps({"fine_labels": [1], "data": None}, 2))
    refuse(tmp_path, "CIFAR-100")


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"labels": [0] * 9_999}, "9999 labels"),
        ({"labels": [11] * 10_000}, "label 11"),
        ({"labels": [-1] * 10_000}, "labels"),
        ({"labels": ["0"] * 10_000}, "labels"),
        ({"labels": None}, "labels"),
        ({"data": np.zeros((5, 3072), np.uint8)}, "data"),
        ({"data": np.zeros((10_000, 3072), np.int8)}, "data"),
        ({"data": None}, "data"),
    ],
)
def test_python_batches_of_other_content_are_refused(tmp_path, changes, reason):
    records = np.zeros((10_000, 3073), np.uint8)
    write_python_batch(tmp_path / "cifar-10-batches-py" / "test_batch", records, **changes)
    assert "test_batch: " in refuse(tmp_path, reason)


def test_python_batches_that_are_not_data_are_refused(tmp_path):
    (tmp_path / "test_batch").write_bytes(b"\x80\x02cos\nsystem\n(U\x04truetR.")
    refuse(tmp_path, "os.system")
    (tmp_path / "test_batch").write_bytes(b"")
    refuse(tmp_path, "test_batch")
    (tmp_path / "test_batch").write_bytes(pickle.dumps([1, 2], 2))
    refuse(tmp_path, "test_batch")


def test_the_complete_cifar10_is_read(cifar10_dir):
    images, labels = load_cifar10(cifar10_dir, "train")
    assert len(CIFAR10_CLASSES) == 10 and np.bincount(labels).tolist() == [5000] * 10
    # The constants that the literature prints for the training split.
    np.testing.assert_allclose(images.mean((0, 1, 2)) / 255, [0.49139968, 0.48215841, 0.44653091], atol=1e-6)
    _, test_labels = load_cifar10(cifar10_dir, "test")
    assert np.bincount(test_labels).tolist() == [1000] * 10


# Download: a small archive of the official form, from a server on this machine.

FILES = {"data_batch_1.bin": b"1" * 5000, "test_batch.bin": b"t" * 3000}


def pack(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
            else:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)
    return stream.getvalue()


@pytest.fixture
def serve(tmp_path):
    """Serve bytes as an archive; returns its description."""
    root = tmp_path / "served"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def describe(data, md5=None, name="cifar.tar.gz"):
        (root / "cifar.tar.gz").write_bytes(data)
        return Archive(
            f"http://127.0.0.1:{server.server_port}/{name}",
            md5 or hashlib.md5(data).hexdigest(),
            "cifar-10-x",
            {name: len(data) for name, data in FILES.items()},
        )

    yield describe
    server.shutdown()
    server.server_close()


def members(**changes):
    files = {f"cifar-10-x/{name}": data for name, data in FILES.items()}
    return {"cifar-10-x/readme.html": b"hello", **files, **changes}


def refuse_download(target, archive, reason):
    before = sorted(target.rglob("*"))
    with pytest.raises(UserError, match=reason) as refusal:
        download_cifar10(target, archive)
    assert "\n" not in str(refusal.value) and "--data_path" in str(refusal.value)
    assert sorted(target.rglob("*")) == before, "something was left behind"


def test_download_unpacks_the_expected_files_only(serve, tmp_path, capsys):
    folder = download_cifar10(tmp_path / "new" / "data", serve(pack(members(**{"../evil": b"x", "/tmp/evil": b"x"}))))
    assert folder == tmp_path / "new" / "data" / "cifar-10-x"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["cifar-10-x"]
    output = capsys.readouterr()
    assert output.out == "" and "cifar.tar.gz" in output.err


def test_a_complete_folder_is_not_fetched_again(serve, tmp_path):
    archive = serve(pack(members()))
    download_cifar10(tmp_path / "data", archive)
    elsewhere = Archive("http://127.0.0.1:9/x", archive.md5, archive.folder, archive.files)
    assert download_cifar10(tmp_path / "data", elsewhere).is_dir()


def test_failed_downloads_leave_nothing_and_name_the_way_out(serve, tmp_path):
    target = tmp_path / "data"
    target.mkdir()
    good = pack(members())
    refuse_download(target, serve(good, md5="0" * 32), "md5")
    refuse_download(target, serve(good, name="absent"), "cannot be downloaded")
    refuse_download(target, serve(good[: len(good) // 2]), "tar.gz")
    refuse_download(target, serve(b"no archive"), "tar.gz")
    refuse_download(target, serve(pack({"cifar-10-x/test_batch.bin": FILES["test_batch.bin"]})), "data_batch_1.bin")
    refuse_download(target, serve(pack(members(**{"cifar-10-x/test_batch.bin": b"short"}))), "test_batch.bin")
    refuse_download(target, serve(pack(members(**{"cifar-10-x/test_batch.bin": "/etc/passwd"}))), "test_batch.bin")
    refuse_download(target, Archive("http://127.0.0.1:9/x.tar.gz", "", "cifar-10-x", {"a": 1}), "cannot be downloaded")
    refuse_download(target, Archive("nonsense", "", "cifar-10-x", {"a": 1}), "cannot be downloaded")


def test_an_incomplete_folder_is_left_alone(serve, tmp_path):
    (tmp_path / "cifar-10-x").mkdir()
    (tmp_path / "cifar-10-x" / "test_batch.bin").write_bytes(b"mine")
    with pytest.raises(UserError, match="incomplete"):
        download_cifar10(tmp_path, serve(pack(members())))
    assert (tmp_path / "cifar-10-x" / "test_batch.bin").read_bytes() == b"mine"


def test_a_target_that_is_a_file_is_refused(serve, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot store"):
        download_cifar10(tmp_path / "file" / "data", serve(pack(members())))


def test_the_official_archive_is_described_completely():
    assert CIFAR10_ARCHIVE.md5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert len(CIFAR10_ARCHIVE.files) == 6 and set(CIFAR10_ARCHIVE.files.values()) == {30_730_000}
