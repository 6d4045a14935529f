"""The parts of make bench: records, races, summaries, what they are made of."""

import importlib
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from harness import ROOT

sys.path.append(str(ROOT / "bench"))
bench_run = importlib.import_module("run")
compiled = importlib.import_module("compiled")
measure = importlib.import_module("measure")
report = importlib.import_module("report")

TASK = dict(task="t", shape=[2, 3], layout="bt", dtype="float32", threads=1)
KEYS = {*report.TASK, "peer", "min_s", "median_s", "error", "note"}


class Clock:
    """Time that passes when told to: the tests' machine may be busy."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(measure, "time", Clock())
    return measure.time


def race(rounds=4, seconds=10):
    return measure.Race(report.Report(), TASK, measure.Effort(rounds, seconds, sample=0))


def test_contestants_take_turns_and_meet_in_pairs(clock):
    order = []

    def entry(name, delay):
        def call():
            order.append(name)
            clock.sleep(delay)
        return call
    contest = race()
    contest.enter("ssm", lambda: entry("ssm", 0.06), strategy="auto")
    contest.enter("other", lambda: entry("other", 0.12), note="n")
    order.clear()
    contest.run()
    # Calls longer than 50 ms are not warmed up; every other round goes backward.
    assert order == ["ssm", "other", "other", "ssm"] * 2
    ours, other = contest.report.records
    assert KEYS <= set(ours) and ours["strategy"] == "auto" and ours["samples"] == 4
    assert ours["min_s"] == pytest.approx(0.06) == ours["median_s"]
    assert ours["ratio"] == 1 and other["ratio"] == pytest.approx(2) and other["note"] == "n"


def test_the_chosen_one_is_what_others_are_compared_with(clock):
    contest = race()
    contest.enter("ssm", lambda: lambda: clock.sleep(0.06), strategy="a", chosen=False)
    contest.enter("ssm", lambda: lambda: clock.sleep(0.12), strategy="b", chosen=True)
    contest.run()
    assert contest.report.records[1]["ratio"] == 1 and contest.report.records[0]["ratio"] == pytest.approx(0.5)


def test_the_faster_triad_is_the_limit(clock):
    contest = race()
    contest.enter("triad a", lambda: lambda: clock.sleep(0.2))
    contest.enter("triad b", lambda: lambda: clock.sleep(0.1))
    contest.run()
    limit = contest.report.records[-1]
    assert (limit["peer"], limit["note"], limit["min_s"]) == ("limit", "triad b", pytest.approx(0.1))


def test_slow_programs_stop_after_two_samples(clock):
    calls = []
    contest = race(rounds=9, seconds=0)
    contest.enter("ssm", lambda: lambda: calls.append(1) or clock.sleep(0.06))
    before = len(calls)
    contest.run()
    assert len(calls) - before == 2 and contest.report.records[0]["samples"] == 2


def test_what_is_absent_or_fails_says_so():
    def absent():
        raise measure.Absent("it is not installed")
    contest = race()
    contest.enter("a", absent)
    contest.enter("b", lambda: lambda: 1 / 0)
    contest.enter("c", lambda: lambda: 1, check=lambda result: [][result])
    contest.run()
    notes = [record["note"] for record in contest.report.records]
    assert notes == ["skipped: it is not installed", "failed: ZeroDivisionError: division by zero",
                     "failed: IndexError: list index out of range"]
    assert all(record["min_s"] is None for record in contest.report.records)


def test_a_record_has_a_full_task_and_times_or_a_reason():
    with pytest.raises(ValueError, match="layout"):
        report.Report().add({"task": "t"}, "ssm", 1.0, 1.0)
    with pytest.raises(ValueError, match="note"):
        report.Report().add(TASK, "ssm")


def test_the_error_is_norm_wise():
    want = np.array([3.0, 4.0])
    assert measure.error_norm(np.array([3.0, 4.5], np.float32), want) == pytest.approx(0.1)
    assert measure.error_norm(np.array([3.0, np.nan]), want) != measure.error_norm(want, want) == 0
    with pytest.raises(ValueError, match="shape"):
        measure.error_norm(np.zeros(3), want)


def test_arrays_start_at_a_cache_line():
    for shape in [(3,), (1,), (5, 7)]:
        array = measure.aligned(np.ones(shape), np.complex64)
        assert array.ctypes.data % 64 == 0 and array.shape == shape and array.flags.c_contiguous


def test_explanations_are_read():
    text = ("linear_recurrence: sequential 327.7 us (fastest); tree_scan 1.47 ms; "
            "fft_conv refused: the transition varies in time; direct_conv refused: too\n")
    chosen, found = compiled.judgements(text)
    assert chosen == "sequential"
    assert found == {"sequential": pytest.approx(327.7e-6), "tree_scan": pytest.approx(1.47e-3),
                     "fft_conv": "the transition varies in time", "direct_conv": "too"}


def strategies(times, chosen, estimates):
    return [dict(TASK, peer="ssm", strategy=str(i), chosen=i == chosen, min_s=t, median_s=t, error=None, note="",
                 estimate_s=e, others=0.0) for i, (t, e) in enumerate(zip(times, estimates))]


def test_choices_are_summed_up():
    records = [dict(r, shape=[k]) for k, group in enumerate([
        strategies([1.0, 1.2], 1, [1.0, 5.0]), strategies([1.0, 1.6], 1, [0.4, 1.6]),
        strategies([3.0, 1.0], 0, [3.0, 1.9])]) for r in group]
    quality = report.choices(records)
    assert (quality["problems"], quality["worst"]) == (3, 3.0)
    assert quality["within_1.25"] == pytest.approx(1 / 3) and quality["within_2"] == pytest.approx(2 / 3)
    assert quality["estimated"] == 6 and quality["estimates"] == pytest.approx(4 / 6)


def test_reports_are_written_whole(tmp_path):
    records = strategies([1.0, 1.2], 0, [1.0, 1.0])
    report.write(tmp_path / "bench" / "x", records, {"CPU": "c"}, quick=False)
    assert json.loads((tmp_path / "bench" / "x.json").read_text()) == records
    text = (tmp_path / "bench" / "x.md").read_text()
    assert "- CPU: c" in text and "| bt 2x3 float32 | **ssm 0 (chosen)** | 1 | 1000 | 1000 |" in text
    assert "Not quotable" not in text
    assert not list((tmp_path / "bench").glob("*.tmp"))


def test_a_busy_machine_is_not_quotable():
    records = [dict(r, others=0.5) for r in strategies([1.0], 0, [1.0])]
    assert report.quotable(records, quick=False).startswith("Not quotable: the machine was shared")
    assert report.quotable([], quick=True).startswith("Not quotable")


def test_curves_are_what_differs_in_length_alone(tmp_path):
    records = [dict(r, shape=[2, n]) for n in (8, 16, 32) for r in strategies([n / 8], 0, [1.0])]
    records += [dict(records[0], shape=[3, 8]), dict(records[0], peer="limit", strategy=None)]
    assert report.families(records) == {("t bt 2xL float32", 1): {
        "ssm 0": {8: 1.0, 16: 2.0, 32: 4.0}, "limit": {8: 1.0}}}
    (picture,) = report.draw(tmp_path / "x", records)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_crash_costs_one_task(tmp_path, monkeypatch):
    """A process that dies is followed by one that goes on after its task."""
    (tmp_path / "crashes.py").write_text(textwrap.dedent("""
        import os, signal

        def run(bench):
            for n in range(4):
                race = bench.race(dict(task="t", shape=[n], layout="t", dtype="float32"))
                race.enter("ssm", lambda: lambda: os.kill(os.getpid(), signal.SIGSEGV) if n in (1, 2) else None)
                race.run()
        """))
    done = subprocess.run([sys.executable, ROOT / "bench" / "run.py", "--quick", "--threads=1", "--build-dir", tmp_path,
                           "--tasks", tmp_path, "crashes"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "bench" / "crashes.json").read_text())
    assert [(r["shape"][0], r["min_s"] is None) for r in records] == [(0, False), (1, True), (2, True), (3, False)]
    assert records[1]["note"] == "failed: the process was ended by SIGSEGV"


def test_an_unknown_benchmark_lists_the_others(capsys):
    with pytest.raises(SystemExit):
        bench_run.main(["nothing"])
    assert "recurrence" in capsys.readouterr().err
