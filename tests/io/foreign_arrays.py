"""Writes the files that array_file_test.cpp reads: python3 foreign_arrays.py FOLDER.

What NumPy, h5py and zipfile write is the truth here; safetensors, for which Debian has no package, is put together from
its definition. Files in bad/ must be refused."""
import json
import os
import pickle
import struct
import sys
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np

TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "BF16": "<u2"}


def ramp(*shape):
    """-3, -2.875, ...: exact in every type of at least half precision."""
    return (np.arange(np.prod(shape, dtype=int)) / 8.0 - 3.0).reshape(shape)


def npy(array, version=(1, 0)):
    out = BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array), version=version)
    return out.getvalue()


def raw_safetensors(text, data):
    text = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(text)) + text + data


def safetensors(entries, data, after=""):
    return raw_safetensors(json.dumps(entries) + after, data)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def pack(arrays):
    """A safetensors file of {name: (dtype, array)}."""
    entries, data = {"__metadata__": {"made by": "a test", "beta": "\u03b2"}}, b""
    for name, (dtype, array) in arrays.items():
        raw = np.asarray(array).astype(TYPES[dtype]).tobytes()
        entries[name] = entry(dtype, list(np.shape(array)), len(data), len(data) + len(raw))
        data += raw
    return safetensors(entries, data, after="   ")


def write_good(folder):
    halves = np.arange(65536, dtype=np.uint16)
    (folder / "halves.npy").write_bytes(npy(halves.view("<f2")))
    with np.errstate(invalid="ignore"):
        (folder / "halves-as-singles.npy").write_bytes(npy(halves.view("<f2").astype("<f4")))
    (folder / "bfloats.safetensors").write_bytes(pack({"all": ("BF16", halves)}))
    (folder / "bfloats-as-singles.npy").write_bytes(npy((halves.astype("<u4") << 16).view("<f4")))
    (folder / "model.safetensors").write_bytes(pack({
        "fc1.weight": ("F32", ramp(4, 3)), "fc1.bias": ("F64", ramp(4)), "scale": ("F16", ramp(1).reshape(())),
        "none": ("F32", np.zeros((0, 5)))}))
    for kind in ("f2", "f4", "f8", "i4", "i8", "u1"):
        values = ramp(2, 3, 4) if kind[0] == "f" else np.arange(24).reshape(2, 3, 4)
        for order in "<>":
            array = values.astype(order + kind)
            for layout, number in (("C", 1), ("F", 2), ("C", 3)):
                name = f"{'little' if order == '<' else 'big'}-{kind}-{layout}{number}.npy"
                (folder / name).write_bytes(npy(np.asarray(array, order=layout), (number, 0)))
    np.save(folder / "number.npy", 2.5)
    np.save(folder / "empty.npy", np.zeros((0, 3)))
    arrays = {"fc1.weight": ramp(4, 3).astype("f4"), "deep/name": np.asfortranarray(ramp(3, 2)), "n": np.int64(7)}
    np.savez(folder / "stored.npz", **arrays)
    np.savez_compressed(folder / "deflated.npz", **arrays)
    (folder / "deflated-without-an-ending").write_bytes((folder / "deflated.npz").read_bytes())
    with h5py.File(folder / "model.h5", "w") as file:
        file.attrs.update({"alpha": 0.1, "seed": 3, "name": "\u03b2"})
        file["model/weight"] = ramp(4, 3)
        file["model/half"] = ramp(4).astype("f2")
        file["model/big"] = ramp(2, 2).astype(">f4")
        file["number"] = 2.5
        file["labels"] = np.arange(5, dtype="u2")
        file["text"] = "left out"
        file.create_dataset("packed", data=ramp(40, 3), chunks=(7, 2), compression="gzip", shuffle=True, fletcher32=True)
    with h5py.File(folder / "ordered.h5", "w", userblock_size=512, track_order=True) as file:
        for name in ("z", "a", "m"):
            file[name] = ramp(2)


def zip_of(path, entries, packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, contents in entries:
            archive.writestr(name, contents)


def npy_text(text, data=b"", version=1, magic=b"\x93NUMPY"):
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return magic + bytes([version, 0]) + length + text.encode("latin1") + data


def write_bad_safetensors(bad):
    def put(name, contents):
        (bad / f"{name}.safetensors").write_bytes(contents)

    good = entry("F32", [2], 0, 8)
    put("header-too-long", struct.pack("<Q", 100_000_001) + b"{}")
    put("header-past-end", struct.pack("<Q", 1000) + b"{}      ")
    put("outside", safetensors({"a": entry("F32", [4], 0, 16)}, bytes(8)))
    put("overlap", safetensors({"a": good, "b": entry("F32", [2], 4, 12)}, bytes(12)))
    put("same-place", safetensors({"a": good, "b": good}, bytes(8)))
    put("hole", safetensors({"a": good, "b": entry("F32", [1], 12, 16)}, bytes(16)))
    put("hole-before", safetensors({"a": entry("F32", [1], 4, 8)}, bytes(8)))
    put("tail", safetensors({"a": good}, bytes(9)))
    put("turned-round", safetensors({"a": entry("F32", [2], 8, 0)}, bytes(8)))
    put("wrong-size", safetensors({"a": entry("F32", [3], 0, 8)}, bytes(8)))
    put("overflow", safetensors({"a": entry("F32", [2**32, 2**32, 4], 0, 0)}, b""))
    put("overflow-behind-zero", safetensors({"a": entry("F32", [0, 2**40, 2**40], 0, 0)}, b""))
    put("shape-past-64-bits", safetensors({"a": entry("F32", [2**64], 0, 0)}, b""))
    put("negative", safetensors({"a": entry("F32", [-1], 0, 4)}, bytes(4)))
    put("fraction", safetensors({"a": entry("F32", [2.0], 0, 8)}, bytes(8)))
    put("many-axes", safetensors({"a": entry("F32", [1] * 9, 0, 4)}, bytes(4)))
    put("integers", safetensors({"batches": entry("I64", [1], 0, 8)}, bytes(8)))
    put("twice", raw_safetensors('{"a":%s,"a":%s}' % (json.dumps(good), json.dumps(good)), bytes(8)))
    put("dtype-twice", raw_safetensors('{"a":%s}' % json.dumps(good).replace("{", '{"dtype":"F64",'), bytes(8)))
    put("no-shape", safetensors({"a": {"dtype": "F32", "data_offsets": [0, 8]}}, bytes(8)))
    put("more-keys", safetensors({"a": {**good, "more": 1}}, bytes(8)))
    put("metadata-number", safetensors({"__metadata__": {"epoch": 3}, "a": good}, bytes(8)))
    put("nested", raw_safetensors('{"a":' + "[" * 100000 + "]}", bytes(8)))
    put("not-json", raw_safetensors('{"a": 1,', bytes(8)))
    put("behind-json", safetensors({"a": good}, bytes(8), after=" x"))
    put("not-utf8", raw_safetensors(b'{"\xff": 1}', bytes(8)))
    put("climbs", safetensors({"../a": good}, bytes(8)))


def write_bad_npy(bad):
    def put(name, contents):
        (bad / f"{name}.npy").write_bytes(contents)

    objects = BytesIO()
    np.save(objects, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    put("objects", objects.getvalue())
    put("structure", npy(np.zeros(2, dtype=[("a", "<f4"), ("b", "<f4")])))
    put("text", npy(np.array(["a", "b"])))
    put("complex", npy(np.zeros(2, dtype="c8")))
    put("unsigned", npy(np.zeros(2, dtype="u4")))
    put("longer", npy(ramp(4)) + b"\0")
    put("shorter", npy(ramp(4))[:-1])
    put("version", npy_text("{}", version=4))
    row = "{{'descr': '<f4', 'fortran_order': {}, 'shape': {}, }}\n"
    put("expression", npy_text(row.format("False", "(1+1,)"), bytes(8)))
    put("call", npy_text(row.format("__import__('os').system('true')", "(2,)"), bytes(8)))
    put("negative", npy_text(row.format("False", "(-2,)"), bytes(8)))
    put("number-for-list", npy_text(row.format("False", "(2)"), bytes(8)))
    put("overflow", npy_text(row.format("False", "(4294967296, 4294967296, 4)")))
    put("many-axes", npy_text(row.format("False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), bytes(4)))
    put("key-missing", npy_text("{'descr': '<f4', 'shape': (2,), }\n", bytes(8)))
    put("key-twice", npy_text("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", bytes(8)))
    put("key-more", npy_text("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}\n", bytes(8)))
    put("header-long", npy_text(" " * 70000, version=2))
    put("behind", npy_text(row.format("False", "(2,)") + "x", bytes(8)))


def write_bad_npz(bad):
    good = npy(ramp(4))
    many = npy_text("{'descr': '|u1', 'fortran_order': False, 'shape': (30000000,), }\n", bytes(30_000_000))
    zip_of(bad / "bomb.npz", [(f"a{i}.npy", many) for i in range(3)])
    for name in ("../a.npy", "/a.npy", "a/../../b.npy", "a\\b.npy", "a//b.npy", ".npy", "a\nb.npy"):
        path = bad / f"name-{name.encode().hex()}.npz"
        zip_of(path, [(name, good)])
    zip_of(bad / "objects.npz", [("a.npy", good), ("b.npy", (bad / "objects.npy").read_bytes())])
    zip_of(bad / "no-array.npz", [("a.npy", good), ("readme.txt", b"hello")])
    zip_of(bad / "torch.npz", [("archive/data.pkl", pickle.dumps({})), ("archive/version", b"3\n")])
    zip_of(bad / "bzip2.npz", [("a.npy", good)], zipfile.ZIP_BZIP2)
    zip_of(bad / "longer.npz", [("a.npy", good + b"\0")])
    zip_of(bad / "shorter.npz", [("a.npy", good[:-1])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zip_of(bad / "twice.npz", [("a.npy", good), ("a.npy", good)])
    write_damaged_zip(bad, good)


def write_damaged_zip(bad, good):
    stored = BytesIO()
    zip_of(stored, [("a.npy", good)], zipfile.ZIP_STORED)
    raw = stored.getvalue()
    checksum = bytearray(raw)
    checksum[raw.index(good) + len(good) - 1] ^= 1
    (bad / "checksum.npz").write_bytes(checksum)
    sizes = struct.pack("<II", len(good), len(good))
    (bad / "size.npz").write_bytes(raw.replace(sizes, struct.pack("<II", len(good), 9)))
    encrypted = bytearray(raw)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + flags] |= 1
    (bad / "encrypted.npz").write_bytes(encrypted)


def write_bad_hdf5(bad):
    def file(name):
        return h5py.File(bad / f"{name}.h5", "w")

    with file("cycle") as f:
        f["a/b"] = ramp(2)
        f["a/up"] = f["/"]
    with file("twice") as f:
        f["a"] = ramp(2)
        f["b"] = f["a"]
    with file("soft") as f:
        f["a"] = ramp(2)
        f["b"] = h5py.SoftLink("/a")
    with file("external-link") as f:
        f["a"] = h5py.ExternalLink("twice.h5", "/a")
    with file("external-storage") as f:
        f.create_dataset("a", shape=(2,), dtype="f4", external=[("/etc/hostname", 0, 8)])
    with file("virtual") as f:
        layout = h5py.VirtualLayout(shape=(2,), dtype="f8")
        layout[:] = h5py.VirtualSource("twice.h5", "a", shape=(2,))
        f.create_virtual_dataset("a", layout)
    with file("bomb") as f:
        f.create_dataset("a", data=np.zeros(50_000_000), compression="gzip", compression_opts=9, chunks=(1_000_000,))
    with file("never-written") as f:
        f.create_dataset("a", shape=(1000,), dtype="f4", chunks=(10,))
    with file("large-chunk") as f:
        f.create_dataset("a", shape=(2,), maxshape=(None,), dtype="f4", chunks=(2**29,), compression="gzip")
    with file("lzf") as f:
        f.create_dataset("a", data=ramp(100), compression="lzf")
    with file("deep") as f:
        f["/".join("g" * 20)] = ramp(2)
    whole = BytesIO()
    with h5py.File(whole, "w") as f:
        f["a"] = ramp(1000)
    (bad / "cut.h5").write_bytes(whole.getvalue()[:4000])


def main():
    folder = Path(sys.argv[1])
    bad = folder / "bad"
    bad.mkdir()
    write_good(folder)
    write_bad_safetensors(bad)
    write_bad_npy(bad)
    write_bad_npz(bad)
    write_bad_hdf5(bad)
    (bad / "pickle").write_bytes(pickle.dumps({"a": 1}))
    (bad / "empty").write_bytes(b"")
    (bad / "short").write_bytes(b"abc")
    (bad / "text").write_bytes(b"weights: none at all, here is only text\n")
    os.mkfifo(bad / "pipe")
    (bad / "folder").mkdir()


main()
