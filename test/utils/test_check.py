"""The sums of utils/check.py: what make check's last line says is true."""

import sys

import check
import pytest

LIT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites time="1.00">
<testsuite name="ssm" tests="4" failures="1" skipped="2" time="0.1">
<testcase classname="ssm.IR" name="ok.mlir" time="0.02"/>
<testcase classname="ssm.IR" name="bad.mlir" time="0.02">
  <failure><![CDATA[boom]]></failure>
</testcase>
<testcase classname="ssm.GPU" name="a.mlir" time="0.00">
  <skipped message="Missing required feature(s): cuda-gpu"/>
</testcase>
<testcase classname="ssm.GPU" name="b.mlir" time="0.00">
  <skipped message="Missing required feature(s): cuda-gpu"/>
</testcase>
</testsuite>
<testsuite name="ssm-Unit" tests="1" failures="0" skipped="0" time="0.1">
<testcase classname="ssm-Unit.IRTests" name="Registration" time="0.02"/>
</testsuite>
</testsuites>
"""

PYTEST_ERROR = """<testsuites><testsuite>
<testcase classname="test_a" name="test_b"><error message="fixture"/></testcase>
<testcase classname="test_a" name="test_c"/>
</testsuite></testsuites>
"""


def command(code):
    return [sys.executable, "-c", code]


def writes(report, text, status=0):
    return command(f"open({str(report)!r}, 'w').write({text!r}); raise SystemExit({status})")


def test_reads_every_suite_of_a_report(tmp_path):
    report = tmp_path / "lit.xml"
    report.write_text(LIT)
    result = check.read_junit(report)
    assert result.summary() == "2 passed, 1 failed, 2 skipped"
    assert result.failed == ["ssm.IR.bad.mlir"]
    assert result.skipped == {
        "Missing required feature(s): cuda-gpu": ["ssm.GPU.a.mlir", "ssm.GPU.b.mlir"]}


def test_an_error_outside_a_test_body_is_a_failure(tmp_path):
    report = tmp_path / "py.xml"
    result = check.run_suite("python", writes(report, PYTEST_ERROR, 1), report)
    assert result.summary() == "1 passed, 1 failed, 0 skipped"


@pytest.mark.parametrize("status", [0, 1])
def test_a_suite_without_report_counts_as_one_test(status):
    result = check.run_suite("format", command(f"raise SystemExit({status})"))
    assert (result.passed, len(result.failed)) == (1 - status, status)


def test_a_failure_that_no_test_reports_still_counts(tmp_path):
    report = tmp_path / "lit.xml"
    text = LIT.replace("<failure><![CDATA[boom]]></failure>", "")
    result = check.run_suite("lit", writes(report, text, 2), report)
    assert result.failed == ["lit (exit code 2)"]


def test_an_old_report_is_not_read_again(tmp_path):
    report = tmp_path / "lit.xml"
    report.write_text(LIT)
    result = check.run_suite("lit", command("pass"), report)
    assert result.summary() == "0 passed, 1 failed, 0 skipped"


def test_a_command_that_does_not_exist_is_a_failure():
    assert check.run_suite("lit", ["/nonexistent/lit"]).failed == ["lit (exit code 127)"]


def test_main_goes_on_after_a_failure_and_ends_with_the_sum(tmp_path, monkeypatch, capfd):
    report = tmp_path / "lit.xml"
    monkeypatch.setattr(check, "build", lambda *_: check.Result())
    monkeypatch.setattr(check, "suites", lambda _: {
        "format": (command("raise SystemExit(1)"), None),
        "lit": (writes(report, LIT, 1), report)})
    assert check.main([]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1] == "2 passed, 2 failed, 2 skipped"
    assert "skipped 2: Missing required feature(s): cuda-gpu: ssm.GPU.a.mlir, ssm.GPU.b.mlir" in lines
    assert "failed: format (exit code 1)" in lines


def test_a_build_that_fails_is_the_whole_result(monkeypatch, capfd):
    monkeypatch.setattr(check, "build", lambda *_: check.Result(failed=["build"]))
    assert check.main([]) == 1
    assert capfd.readouterr().out.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"
