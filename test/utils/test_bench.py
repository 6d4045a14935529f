"""The records that make bench writes."""

import importlib.util
import json

import pytest
from harness import ROOT

spec = importlib.util.spec_from_file_location("bench_run", ROOT / "bench" / "run.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

TASK = dict(task="t", shape=[2, 3], layout="bl", dtype="float32", threads=1)
KEYS = {*bench.TASK, "peer", "min_s", "median_s", "error", "note"}


def test_a_measurement_is_a_record(tmp_path):
    report = bench.Report(tmp_path)
    calls = []
    report.measure(TASK, "other", lambda: calls.append(1), repeats=3, note="n")
    report.write(tmp_path / "bench" / "x.json")
    (record,) = json.loads((tmp_path / "bench" / "x.json").read_text())
    assert set(record) == KEYS and record["error"] is None
    assert 0 < record["min_s"] <= record["median_s"]
    assert len(calls) == 4  # one to warm up
    assert not list((tmp_path / "bench").glob("*.tmp"))


def test_an_exception_is_a_record_too(tmp_path):
    report = bench.Report(tmp_path)
    report.measure(TASK, "ssm", lambda: 1 / 0, strategy="auto")
    (record,) = report.records
    assert set(record) == {*KEYS, "strategy"}
    assert record["error"] == "ZeroDivisionError: division by zero" and record["min_s"] is None


def test_a_record_without_a_full_task_is_refused(tmp_path):
    with pytest.raises(ValueError, match="layout"):
        bench.Report(tmp_path).add({"task": "t"}, "ssm", 1.0, 1.0)


def test_an_unknown_benchmark_lists_the_others(capsys):
    with pytest.raises(SystemExit):
        bench.main(["nothing"])
    assert "recurrence" in capsys.readouterr().err
