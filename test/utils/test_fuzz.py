"""The parts of make fuzz."""

import random
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "Fuzz"
sys.path.append(str(FUZZ))

import fuzz  # noqa: E402
import mutate  # noqa: E402

TEXT = """\
#m = affine_map<(t, d) -> (t, d)>
func.func @f(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %x = ssm.op %a, %u {time = 0 : i64} : tensor<8xf32>, tensor<64x8xf32> -> tensor<64x8xf32>
  return %x : tensor<64x8xf32>
}
"""


def test_one_size_everywhere():
    rng = random.Random(0)
    texts = {mutate.one_size_everywhere(TEXT, rng) for _ in range(200)}
    assert TEXT.replace("64x", "?x") in texts and TEXT.replace("8xf32", "17xf32") in texts


def test_one_type_everywhere():
    rng = random.Random(0)
    texts = {mutate.one_type_everywhere(TEXT, rng) for _ in range(200)}
    assert TEXT.replace("f32", "bf16") in texts


@pytest.mark.parametrize("change", mutate.CHANGES, ids=lambda change: change.__name__)
def test_every_change_changes(change):
    rng = random.Random(1)
    assert any(change(TEXT, rng) != TEXT for _ in range(20))


def test_a_seed_repeats():
    texts = [[mutate.mutate(TEXT, random.Random(seed)) for seed in range(50)] for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.fixture
def crasher(tmp_path):
    """A tool that ends by a signal on programs with the word `boom`."""
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\nfor last; do case "$last" in *.mlir) file=$last;; esac; done\n'
                    'grep -q boom "$file" && kill -SEGV $$\ngrep -q wrong "$file" && exit 1\nexit 0\n')
    tool.chmod(0o755)
    return fuzz.Fuzzer(str(tool), tmp_path)


def test_the_program_that_ends_the_tool_is_found(crasher, capsys):
    crasher.search(["fine\n", "wrong\n", "boom\n", "fine\n", "fine\n"], ["--pass"])
    assert len(crasher.found) == 1
    path, = crasher.found.values()
    assert path.read_text() == "// ssm-opt --pass: ends with -11\nboom\n\n"
    assert "ends with -11" in capsys.readouterr().out


def test_errors_are_no_problems(crasher):
    crasher.search(["wrong\n", "fine\n"], ["--pass"])
    assert not crasher.found


def test_passes_are_those_of_the_test():
    programs, passes = fuzz.programs_of(FUZZ.parent / "Transforms" / "derive-step.mlir")
    assert len(programs) >= 1 and any("--ssm-derive-step" in options for options in passes)
    assert all("RUN" not in program and "CHECK" not in program for program in programs)
