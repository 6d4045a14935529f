"""What ssm-run and ssm-compile refuse: exit code 1, one clear error, no files."""

import numpy as np
import pytest
from harness import tool

MODEL = """
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @f(%a: tensor<3xf32> {ssm.name = "a"}, %u: tensor<?x3xf32> {ssm.name = "u"})
    -> (tensor<?x3xf32>, tensor<3xf32>) {
  %x, %last = ssm.linear_recurrence
      transition(%a : tensor<3xf32>) signal(%u : tensor<?x3xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64}
      -> tensor<?x3xf32>, tensor<3xf32>
  return %x, %last : tensor<?x3xf32>, tensor<3xf32>
}
func.func private @hidden(%a: f32) -> f32 {
  return %a : f32
}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m.mlir").write_text(MODEL)
    np.save(tmp_path / "a.npy", np.float32([0, 0.5, 1]))
    np.save(tmp_path / "u.npy", np.ones((4, 3), np.float32))
    return tmp_path


def fails(folder, name, *args):
    """The message of a run that must fail and leave the folder as it was."""
    before = sorted(folder.rglob("*"))
    done = tool(name, *args, check=False, cwd=folder)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "error: " in done.stderr
    assert "PLEASE submit a bug report" not in done.stderr
    assert sorted(folder.rglob("*")) == before
    return done.stderr


def run_fails(folder, *args, a="a.npy", u="u.npy"):
    return fails(folder, "ssm-run", "m.mlir", "--input", a, "--input", u, *args)


@pytest.mark.parametrize("array, message", [
    (np.ones((4, 3), np.float64), "input 'u' must be float32[d0, 3], but it is float64[4, 3]"),
    (np.ones((4, 3), np.complex64), "but it is complex64[4, 3]"),
    (np.ones((4, 2), np.float32), "but it is float32[4, 2]"),
    (np.ones(3, np.float32), "but it is float32[3]"),
    (np.ones((1, 4, 3), np.float32), "but it is float32[1, 4, 3]"),
    (np.ones((4, 3), ">f4"), "must be little-endian"),
    (np.ones((4, 3), np.float32, order="F"), "must be row-major"),
    (np.array(["a"]), "the dtype '<U1' cannot be read"),
])
def test_wrong_arrays(folder, array, message):
    np.save(folder / "wrong.npy", array)
    assert message in run_fails(folder, "--output", "y.npy", u="wrong.npy")


def test_broken_npy_files(folder):
    whole = (folder / "u.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:-1])
    assert "cut.npy: error: the shape needs 48 bytes, but the file has 47" in run_fails(folder, u="cut.npy")
    (folder / "text.npy").write_text("hello")
    assert "starts with '\\x93NUMPY'" in run_fails(folder, u="text.npy")
    (folder / "empty.npy").write_bytes(b"")
    assert "empty.npy: error: " in run_fails(folder, u="empty.npy")


def test_files_that_cannot_be_opened(folder):
    assert "none.npy: error: cannot read the file" in run_fails(folder, u="none.npy")
    assert "cannot read the file" in run_fails(folder, u=".")
    assert "none.mlir: error: cannot read the file" in fails(folder, "ssm-run", "none.mlir")
    assert "none/y.npy: error: cannot write the file" in run_fails(folder, "--output", "none/y.npy")
    assert "cannot write the file" in run_fails(folder, "--output", ".")


@pytest.mark.parametrize("args, message", [
    (["--output", "y", "--output", "z", "--output", "w"], "has 2 results, but --output was given 3 times"),
    (["--input", "a.npy"], "takes 2 inputs, but 3 were given"),
    (["--entry=g"], "'g' is not; there are 'f'"),
    (["--entry=hidden"], "'hidden' is not; there are 'f'"),
    (["--threads=0"], "--threads must be a number from 1 to 4096, but it is '0'"),
    (["--threads=x"], "but it is 'x'"),
    (["--time=-1"], "--time must be a number of at least 1, but it is '-1'"),
    (["--strategy=newton"], "there is no strategy 'newton'; use auto, sequential, tree_scan"),
    (["--no-such-option"], "unknown argument '--no-such-option'"),
    (["m.mlir"], "one program is needed, but 2 were given"),
    (["--output"], "--output: missing argument"),
])
def test_wrong_options_of_run(folder, args, message):
    assert message in run_fails(folder, *args)


@pytest.mark.parametrize("args, message", [
    (["m.mlir"], "there are 1 programs and no -o"),
    (["m.mlir", "-o", "none/k.o"], "none/k.o: error: cannot write the file"),
    (["m.mlir", "-o", "none/k.so", "--emit=shared"], "none/k.so: error: cannot write the file"),
    (["m.mlir", "-o", "k.o", "--emit=exe"], "--emit must be obj, shared, llvm, asm, ptx, cubin or spirv, but it is 'exe'"),
    (["m.mlir", "-o", "k.o", "--target=pdp11"], "the target must be 'host' or a CPU that LLVM knows, but it is 'pdp11'"),
    (["m.mlir", "-o", "k.o", "--entry=g"], "'g' is not; there are 'f'"),
    (["m.mlir", "-o", "k.o", "--header", "none/k.h"], "none/k.h: error: cannot write the file"),
    (["none.mlir", "-o", "k.o"], "none.mlir: error: cannot read the file"),
])
def test_wrong_options_of_compile(folder, args, message):
    assert message in fails(folder, "ssm-compile", *args)


PROGRAMS = {
    "nothing": ("", "must define a public func.func"),
    "cut": (MODEL[:200], "p.mlir:"),
    "mismatching maps": (MODEL.replace("(t, d) -> (d)", "(t, d) -> (t)", 1), "p.mlir:6:15: error: "),
    "mismatching types": (MODEL.replace("signal(%u : tensor<?x3xf32>)", "signal(%u : tensor<?x3xf64>)"), "p.mlir:7:45: error: "),
    "unknown op": ("func.func @f() {\n  ssm.no_such_op\n  return\n}", "p.mlir:2:3: error: "),
    "unknown dialect": ('func.func @f() {\n  "no.op"() : () -> ()\n  return\n}', "p.mlir:2:10: error: "),
    "deep": ("func.func @f() {" + "\nscf.execute_region {" * 20000, "brackets may nest 200 deep"),
    "huge": ("func.func @f(%a: tensor<9223372036854775807x8xf32>) -> tensor<9223372036854775807x8xf32> {\n"
             "  %r = arith.addf %a, %a : tensor<9223372036854775807x8xf32>\n"
             "  return %r : tensor<9223372036854775807x8xf32>\n}", "error: "),
    "no such dimension": (MODEL.replace("  return %x", "  %c7 = arith.constant 7 : index\n"
                          "  %n = tensor.dim %u, %c7 : tensor<?x3xf32>\n  return %x"),
                          "the dimension whose size is asked for must be below the rank, 2, but it is 7"),
    "NUL": ("func.func @f() {\0}", "NUL character"),
    "bytecode": ("ML\xefR ", "MLIR bytecode"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_wrong_programs(folder, name):
    text, message = PROGRAMS[name]
    (folder / "p.mlir").write_bytes(text.encode("latin-1"))
    assert message in fails(folder, "ssm-run", "p.mlir", "--input", "u.npy")


def test_strategy_that_cannot_compute_the_recurrence(folder):
    varying = MODEL.replace("%a: tensor<3xf32>", "%a: tensor<?x3xf32>")
    varying = varying.replace("transition(%a : tensor<3xf32>)", "transition(%a : tensor<?x3xf32>)")
    (folder / "p.mlir").write_text(varying.replace("[#d, #td, #td, #d]", "[#td, #td, #td, #d]"))
    message = fails(folder, "ssm-run", "p.mlir", "--input", "u.npy", "--input", "u.npy", "--strategy=fft_conv")
    assert "p.mlir:6:15: error: " in message
    assert "strategy fft_conv cannot compute this op: the transition varies in time" in message


def test_size_of_a_result_that_no_argument_has(folder):
    (folder / "p.mlir").write_text("""
      func.func @f(%n: index) -> tensor<?xf32> {
        %e = tensor.empty(%n) : tensor<?xf32>
        return %e : tensor<?xf32>
      }""")
    assert "p.mlir:" in fails(folder, "ssm-compile", "p.mlir", "-o", "k.o")


def test_no_time_steps_are_fine(folder):
    np.save(folder / "none.npy", np.ones((0, 3), np.float32))
    tool("ssm-run", "m.mlir", "--input", "a.npy", "--input", "none.npy",
         "--output", "x.npy", "--output", "last.npy", cwd=folder)
    assert np.load(folder / "x.npy").shape == (0, 3)
    assert np.array_equal(np.load(folder / "last.npy"), np.zeros(3, np.float32))


def test_nan_and_infinity_pass_through(folder):
    u = np.ones((4, 3), np.float32)
    u[1] = [np.nan, np.inf, -np.inf]
    np.save(folder / "u.npy", u)
    tool("ssm-run", "m.mlir", "--input", "a.npy", "--input", "u.npy",
         "--output", "x.npy", cwd=folder)
    expected = np.zeros((4, 3), np.float32)
    state = np.zeros(3, np.float32)
    for t in range(4):
        state = np.float32([0, 0.5, 1]) * state + u[t]
        expected[t] = state
    assert np.array_equal(np.load(folder / "x.npy"), expected, equal_nan=True)


def test_transition_that_is_not_square(folder):
    (folder / "m.mlir").write_text("""
#tn = affine_map<(t, n, m) -> (t, n)>
func.func @f(%a: tensor<?x?xf32> {ssm.name = "a"}, %u: tensor<?x?xf32> {ssm.name = "u"}) -> tensor<?x?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x?xf32>) signal(%u : tensor<?x?xf32>)
      {indexing_maps = [affine_map<(t, n, m) -> (n, m)>, #tn, #tn, affine_map<(t, n, m) -> (n)>],
       time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<?x?xf32>, tensor<?xf32>
  return %y : tensor<?x?xf32>
}""")
    np.save(folder / "a.npy", np.ones((3, 4), np.float32))
    assert "input 'a' must be float32[d0, d0] with d0 = 3, but it is float32[3, 4]" in run_fails(folder, "--output", "y.npy")
