"""The report's file is whole or not there, and has the restarts that only the supervisor saw."""

import json

import pytest

from pamiq_ros.cli.report_file import check_place, write_report


def test_the_higher_count_of_restarts_is_written(tmp_path):
    path = tmp_path / "report.json"
    report = {"system": "vae", "restarts": {"inference": 2, "training": 0, "control": 0}}
    write_report(path, report, {"inference": 1, "training": 3, "world": 0})
    assert json.loads(path.read_text()) == {
        "system": "vae",
        "restarts": {"inference": 2, "training": 3, "control": 0},
    }


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, {"system": "old"}, {})
    with pytest.raises(ValueError, match="JSON"):
        write_report(path, {"rate_hz": float("nan")}, {})
    assert json.loads(path.read_text())["system"] == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["report.json"]


def test_readers_see_the_old_report_or_the_new_one(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, {"system": "old"}, {})
    with path.open() as reader:
        write_report(path, {"system": "new", "errors": ["x" * 100_000]}, {})
        assert json.load(reader)["system"] == "old"
    assert json.loads(path.read_text())["system"] == "new"


def test_a_place_that_cannot_work_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a file, found a folder"):
        check_place(tmp_path)
    with pytest.raises(ValueError, match="expected an existing folder"):
        check_place(tmp_path / "missing" / "report.json")
    check_place(tmp_path / "report.json")
