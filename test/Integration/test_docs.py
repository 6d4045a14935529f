"""The mlir snippets of the documentation and the examples parse and verify."""

import re

import pytest
from harness import ROOT, tool

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def snippets():
    for path in DOCS:
        text = path.read_text()
        for found in re.finditer(r"^```mlir\n(.*?)^```", text, re.M | re.S):
            line = text.count("\n", 0, found.start()) + 1
            yield pytest.param(found.group(1), id=f"{path.name}:{line}")


@pytest.mark.parametrize("text", snippets())
def test_snippet_parses(text):
    tool("ssm-opt", input=text)


def test_readme_shows_what_the_compiler_prints():
    text = (ROOT / "README.md").read_text()
    before, after = re.findall(r"^```mlir\n(.*?)^```", text, re.M | re.S)[:2]
    flags = re.search(r"`ssm-opt (--ssm-[^`]*)`", text).group(1).split()
    assert tool("ssm-opt", *flags, input=before).stdout.strip() == after.strip()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("**/*.mlir")), ids=lambda p: p.name)
def test_example_parses(path):
    tool("ssm-opt", path)
