"""The programs of docs/Python.md run."""

import re
from pathlib import Path


def test_tutorial(capsys):
    text = (Path(__file__).resolve().parents[2] / "docs" / "Python.md").read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(compile(block, "docs/Python.md", "exec"), names)
    assert "linear_recurrence: " in capsys.readouterr().out
