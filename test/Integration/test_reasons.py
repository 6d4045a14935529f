"""Every reason to refuse and every kind of remark in the sources has a lit test."""

import re

import pytest
from harness import ROOT

# The functions that return a reason, or nothing; and those that take one.
RETURNS = re.compile(r"^(?:static )?std::string (?:\w+::)*(?:refuse\w*|findTime)\(.*?^}", re.M | re.S)
TAKES = re.compile(r"(?:\brefuse\(|\breason =)\s*\"((?:[^\"\\]|\\.)+)\"")
KINDS = re.compile(r"\b(?:RemarkOpts::name|opts)\(\"(\w+)\"\)")


def reasons():
    """The first string of each reason (a longer one goes on in a second)."""
    found = set()
    for source in (ROOT / "lib").glob("**/*.cpp"):
        text = source.read_text()
        for function in RETURNS.findall(text):
            found.update(re.findall(r"(?:return|\?) \"([^\"]+)\"", function))
        found.update(TAKES.findall(text))
    return sorted(found)


def remark_kinds():
    return sorted({kind for source in (ROOT / "lib").glob("**/*.cpp")
                   for kind in KINDS.findall(source.read_text())})


@pytest.fixture(scope="module")
def checks():
    """What the lit tests ask for: the lines with a FileCheck prefix, or expected diagnostics."""
    asks = re.compile(r"(?://|#) (?!RUN)[A-Z][A-Z0-9-]*: |.*// expected-")
    return "\n".join(line for kind in ("mlir", "test") for test in (ROOT / "test").glob(f"**/*.{kind}")
                     for line in test.read_text().splitlines() if asks.match(line))


@pytest.mark.parametrize("reason", reasons())
def test_reason(reason, checks):
    assert reason in checks


@pytest.mark.parametrize("kind", remark_kinds())
def test_remark_kind(kind, checks):
    assert re.search(rf"\b{kind}\b", checks)


def test_are_found():
    assert len(reasons()) > 25 and len(remark_kinds()) > 5
