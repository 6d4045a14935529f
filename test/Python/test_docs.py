"""The programs of docs/Python.md and docs/Tutorial.md run, and print what the latter shows. Those of PyTorch are run by
test_torch.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BUILD
from pages import blocks, run_python


def run_shell(text):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(["sh", "-e"], input=text, capture_output=True, text=True, check=True,
                          env=dict(os.environ, PATH=path, PYTHONPATH=str(BUILD / "python"))).stdout


def test_python(capsys):
    run_python("Python.md", lambda text: "torch" not in text)
    assert "linear_recurrence: " in capsys.readouterr().out


def test_tutorial(tmp_path, monkeypatch, capsys):
    """A block with a file's name in its first line is that file, and a block of text is what the one before prints."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.chdir(tmp_path)
    names, printed, compared = {}, "", 0
    for language, text, line in blocks("Tutorial.md"):
        if language == "text":
            assert printed == text, f"docs/Tutorial.md:{line}"
            compared += 1
        elif language == "python":
            exec(compile("\n" * (line - 1) + text, "docs/Tutorial.md", "exec"), names)
            printed = capsys.readouterr().out
        elif language == "sh":
            printed = run_shell(text)
        else:
            (tmp_path / text.split()[1]).write_text(text)
    assert compared == 8
    assert (tmp_path / "kernels.png").read_bytes().startswith(b"\x89PNG") and b"<svg" in (tmp_path / "poles.svg").read_bytes()
