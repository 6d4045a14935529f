"""Every tool answers --help fast: an editor or a build calls tools often."""

import resource

import pytest
from harness import BUILD, tool

TOOLS = sorted(path.name for path in (BUILD / "bin").glob("ssm-*"))


def test_tools_are_built():
    assert {"ssm-opt", "ssm-run", "ssm-reduce", "ssm-lsp-server"} <= set(TOOLS)


def cpu_seconds(name, *args):
    """Processor time of one run, which a busy machine hardly changes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = tool(name, *args).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "OPTIONS" in text or "USAGE" in text
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("name", TOOLS)
def test_help_is_fast(name):
    times = []
    while not times or (times[-1] >= 0.1 and len(times) < 20):
        times.append(cpu_seconds(name, "--help"))
    assert min(times) < 0.1, times
