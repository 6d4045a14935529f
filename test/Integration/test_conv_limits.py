"""What a convolution by transforms may cost beside its time: workspace, compile time, size of the code."""

import re
import resource

import pytest
from harness import SANITIZED, tool

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer takes compile time of its own")

LANES = 16  # of f32 in the widest vector

TEXT = """
#y = affine_map<{dims} -> {dims}>
#k = affine_map<{dims} -> {lags}>
func.func @f(%u: {y}, %k: {k}) -> {y} {{
  %y = ssm.long_conv %u, %k {{indexing_maps = [#y, #k, #y], time = {time} : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16{more}>}} : {y}, {k} -> {y}
  return %y : {y}
}}
"""


def text(layout, batch, channels, length, taps, more=""):
    last = layout == "bth"
    dims, lags = ("(b, t, h)", "(t, h)") if last else ("(b, h, t)", "(h, t)")
    y = f"tensor<{batch}x{length}x{channels}xf32>" if last else f"tensor<{batch}x{channels}x{length}xf32>"
    k = f"tensor<{taps}x{channels}xf32>" if last else f"tensor<{channels}x{taps}xf32>"
    return TEXT.format(dims=dims, lags=lags, y=y, k=k, time=1 if last else 2, more=more)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compiled(tmp_path, program, threads):
    """Workspace and object in bytes, and CPU seconds to make the object."""
    path = tmp_path / "f.o"
    start = cpu_seconds()
    tool("ssm-compile", "-", "-o", path, "--target=x86-64-v4", f"--threads={threads}", input=program)
    seconds = cpu_seconds() - start
    code = path.read_bytes()
    return int(re.search(rb'"workspace_bytes":(\d+)', code)[1]), len(code), seconds


def assert_bars(workspace, code, seconds, length, batch, tiles, threads):
    """A work tile of complex rows for each thread, the spectra, and a quarter of a tile for tables."""
    tile = LANES * 8 * length
    assert workspace <= 1.25 * tile * min(threads, batch * tiles) + tiles * tile * 1.05
    assert seconds <= 2
    assert code <= 1 << 20


@pytest.mark.parametrize("layout, batch, channels, length, threads", [
    ("bht", 8, 64, 1024, 2), ("bht", 1, 16, 1 << 20, 2), ("bth", 1, 16, 1 << 20, 2), ("bth", 4, 64, 12289, 1),
    ("bht", 4, 64, 5000, 2)])
def test_as_long_as_the_signal(layout, batch, channels, length, threads, tmp_path):
    made = compiled(tmp_path, text(layout, batch, channels, length, length), threads)
    assert_bars(*made, length, batch, channels // LANES, threads)


def test_blocks_need_little(tmp_path):
    """Of the length nothing depends, known or not."""
    for length in (1 << 20, "?"):
        made = compiled(tmp_path, text("bht", 4, 64, length, 128, ", points = 1024"), threads=2)
        assert_bars(*made, 1024, batch=4, tiles=4, threads=2)


def test_a_length_at_run_time_compiles_as_fast(tmp_path):
    _, code, seconds = compiled(tmp_path, text("bht", "?", "?", "?", "?"), threads=2)
    assert seconds <= 2 and code <= 1 << 20
