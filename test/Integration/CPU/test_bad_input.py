"""What ssm-run refuses: a message, exit code 1, and no file left behind."""

import re

import numpy as np
import pytest
from harness import tool
from mlir_text import Conv, Recurrence, Scan, program

# For what has nothing to do with recurrences: the arguments, returned.
IDENTITY = """func.func @f(%a0: tensor<3xf32>, %u0: tensor<2x5x3xf32>) -> (tensor<2x5x3xf32>, tensor<3xf32>) {
  return %u0, %a0 : tensor<2x5x3xf32>, tensor<3xf32>
}"""
STATIC = Recurrence("d,,,btd->btd", {"b": 2, "t": 5, "d": 3})
DYNAMIC = Recurrence("d,,,btd->btd", {"b": 2, "t": 5, "d": 3}, dynamic="btd")
VARYING = Recurrence("btd,,,btd->btd", {"b": 2, "t": 5, "d": 3})
STRICT = Recurrence("d,,,btd->btd", {"b": 2, "t": 5, "d": 3}, numerics="strict")
CONV = Conv("ht,ht->ht", {"h": 2, "t": 8}, 4)
MAXIMUM = Scan("maximum", ["f32"], [8], 0, "    %m = arith.maximumf %l0, %r0 : f32\n    ssm.yield %m : f32", None,
               lambda rng, shape: (rng.standard_normal(shape),))


@pytest.fixture
def refused(tmp_path):
    """Runs a program on arrays, or on files, and checks how it is refused."""
    def check(text, inputs, message, *options, outputs=("y.npy",), entry="f"):
        model = tmp_path / "model.mlir"
        if text is not None:
            model.write_bytes(text if isinstance(text, bytes) else text.encode())
        args = [model, f"--entry={entry}", *options]
        for i, array in enumerate(inputs):
            path = array if hasattr(array, "exists") else tmp_path / f"in{i}.npy"
            if path is not array:
                np.save(path, array, allow_pickle=True)
            args += ["--input", path]
        for output in outputs:
            args += ["--output", tmp_path / output]
        before = {path.name for path in tmp_path.iterdir()}
        done = tool("ssm-run", *args, check=False, errors="replace")
        assert done.returncode == 1, (done.returncode, done.stderr[:2000])
        assert "error: " in done.stderr
        assert re.search(message, done.stderr), done.stderr[:2000]
        assert {path.name for path in tmp_path.iterdir()} == before
    return check


def arrays(case):
    return list(case.inputs.values())


@pytest.mark.parametrize("case,strategy,reason", [
    (VARYING, "fft_conv", "transition .*time"),
    (VARYING, "direct_conv", "transition .*time"),
    (STRICT, "fft_conv", "strict"),
    (CONV, "tree_scan", "long_conv"),
    (CONV, "sequential", "long_conv"),
    (MAXIMUM, "fft_conv", "associative_scan"),
    (MAXIMUM, "direct_conv", "associative_scan"),
], ids=lambda v: getattr(v, "name", v))
def test_strategy_that_is_illegal(refused, case, strategy, reason):
    message = f"model.mlir:\\d+:\\d+: error: .*{strategy}.*{reason}"
    refused(program([case]), arrays(case), message, f"--strategy={strategy}")
    if case in (VARYING, STRICT):
        pinned = Recurrence(case.spec, case.sizes, numerics=case.numerics, strategy=strategy)
        refused(program([pinned]), arrays(pinned), message)


def test_strategy_that_does_not_exist(refused):
    refused(program([STATIC]), arrays(STATIC), "magic.*(sequential|--help)", "--strategy=magic")


@pytest.mark.parametrize("position,array,message", [
    (0, np.zeros(3, np.float64), r"input 'a0' must be float32\[3\], but it is float64\[3\]"),
    (0, np.zeros(3, np.int32), r"input 'a0' must be float32\[3\], but it is int32\[3\]"),
    (0, np.zeros(3, np.complex64), r"input 'a0' must be float32\[3\], but it is complex64\[3\]"),
    (0, np.zeros((3, 1), np.float32), r"input 'a0' must be float32\[3\], but it is float32\[3, 1\]"),
    (0, np.zeros((), np.float32), r"input 'a0' must be float32\[3\], but it is float32\[\]"),
    (0, np.zeros(4, np.float32), r"input 'a0' must be float32\[3\], but it is float32\[4\]"),
    (1, np.zeros((2, 4, 3), np.float32), r"input 'a1' must be float32\[2, 5, 3\], but it is float32\[2, 4, 3\]"),
    (0, np.zeros(3, ">f4"), "in0.npy: error: the array must be little-endian"),
    (0, np.array([None, {}, 1]), "in0.npy: error: .*O"),
    (1, np.zeros((3, 5, 2), np.float32).T, "in1.npy: error: the array must be row-major"),
])
def test_array_that_does_not_fit(refused, position, array, message):
    inputs = arrays(STATIC)
    inputs[position] = array
    refused(IDENTITY, inputs, message)


def test_dynamic_sizes_that_disagree(refused):
    a, u = arrays(DYNAMIC)
    refused(program([DYNAMIC]), [a[:2], u], "(?s)2.*3|3.*2")
    conv = Conv("ht,ht->ht", {"h": 2, "t": 8}, 4, dynamic="ht")
    u, k = arrays(conv)
    refused(program([conv]), [u, k[:1]], "(?s)1.*2|2.*1")


def npy(header, data=12 * b"\0", magic=b"\x93NUMPY\x01\x00"):
    return magic + len(header).to_bytes(2, "little") + header + data


def header(shape):
    return f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()


@pytest.mark.parametrize("content", [
    b"", b"not an array", b"\x93NUMPY", npy(header("(3,)"))[:40], npy(header("(3,)"), magic=b"\x93NUMPY\x09\x00"),
    npy(header("(3,)"), 8 * b"\0"), npy(b"{'descr': '<f4'}\n"), npy(header("3")), npy(header("(-3,)")),
    npy(header(f"({2**62},)")), npy(header(f"({2**64 + 3},)")), npy(header(f"({2**33}, {2**33}, 3)")),
], ids=["empty", "text", "magic", "header cut", "version", "data cut", "keys", "no tuple", "negative", "huge", "overflow",
        "product"])
def test_file_that_is_no_array(refused, tmp_path, content):
    path = tmp_path / "broken.npy"
    path.write_bytes(content)
    refused(IDENTITY, [path, arrays(STATIC)[1]], "broken.npy: error: ")


def test_files_that_cannot_be_used(refused, tmp_path):
    a, u = arrays(STATIC)
    refused(IDENTITY, [tmp_path / "none.npy", u], "none.npy")
    refused(IDENTITY, [tmp_path, u], re.escape(str(tmp_path)))
    refused(IDENTITY, [a, u], "no/such", outputs=["no/such/y.npy"])
    (tmp_path / "folder").mkdir()
    refused(IDENTITY, [a, u], "folder", outputs=["folder"])
    # The second output fails: the first is not written either.
    refused(IDENTITY, [a, u], "no/such", outputs=["y.npy", "no/such/x.npy"])


def test_counts_that_do_not_fit(refused):
    a, u = arrays(STATIC)
    refused(IDENTITY, [a], "2.*1|1.*2")
    refused(IDENTITY, [a, u, u], "2.*3|3.*2")
    refused(IDENTITY, [a, u], "2.*3|3.*2", outputs=["y.npy", "x.npy", "z.npy"])


@pytest.mark.parametrize("text,message", [
    (None, "model.mlir"),
    ("", "model.mlir:.*public func.func"),
    ("func.func @f(", "model.mlir:1:"),
    ("func.func @g() { return }", "'f' is not; there are 'g'"),
    ("func.func private @f(tensor<3xf32>) -> tensor<3xf32>", "public func"),
    ("func.func @f(%x: memref<3xf32>) { return }", "memref<3xf32>"),
    ("func.func @f(%x: tensor<*xf32>) -> tensor<*xf32> { return %x : tensor<*xf32> }", r"tensor<\*xf32>"),
    ("func.func @f() -> tensor<3xf32> { %0 = \"ssm.nothing\"() : () -> tensor<3xf32>\n return %0 : tensor<3xf32> }",
     "model.mlir:1:.*ssm.nothing"),
    (program([STATIC]).replace("time = 1", "time = 7"), "model.mlir:3:.*linear_recurrence_c2"),
    ("(" * 200_000, "model.mlir:.*nest"),
    ("func.func @f() attributes {a = " + "[" * 200_000, "model.mlir:.*nest"),
    (b"\xff\xfe\x00garbage", "model.mlir:1:1: error"),
    (b"ML\xefR\x0dgarbage", "model.mlir:.*bytecode"),
], ids=["missing", "empty", "cut", "no entry", "declaration", "memref", "unranked", "unknown op", "unverified",
        "deep", "deep attribute", "not text", "bytecode"])
def test_program_that_does_not_compile(refused, text, message):
    refused(text, [], message, outputs=[])


def test_sizes_beyond_memory(refused):
    size = 2**63 - 1
    text = f"""func.func @f(%x: tensor<1xf32>) -> tensor<{size}xf32> {{
      %y = tensor.empty() : tensor<{size}xf32>
      return %y : tensor<{size}xf32> }}"""
    refused(text, [np.zeros(1, np.float32)], "error: ")
    huge = Recurrence("d,,,td->td", {"t": size, "d": size})
    a, u, y = huge.type("d", False), huge.type("td", False), huge.type("td", False)
    text = (f"func.func @f(%a0: {a}, %u0: {u}) -> {y} {{\n  {huge.body(0)}\n  return %y0 : {y}\n}}")
    refused(text, [np.zeros(1, np.float32)] * 2, str(size))


@pytest.mark.parametrize("option", ["--threads=0", "--threads=-1", "--threads=x", "--time=0", "--time=x", "--nonsense"])
def test_options_that_make_no_sense(refused, option):
    refused(IDENTITY, arrays(STATIC), option.split("=")[0], option)


def test_existing_output_survives_a_failure(tmp_path):
    (tmp_path / "model.mlir").write_text(IDENTITY)
    output = tmp_path / "y.npy"
    output.write_text("precious")
    np.save(tmp_path / "a.npy", np.zeros(4, np.float32))
    np.save(tmp_path / "u.npy", arrays(STATIC)[1])
    done = tool("ssm-run", tmp_path / "model.mlir", "--entry=f", "--input", tmp_path / "a.npy",
                "--input", tmp_path / "u.npy", "--output", output, check=False)
    assert done.returncode == 1
    assert output.read_text() == "precious"
