"""report.html: what it shows of a run's folder, that text in it is never markup, and that it needs nothing else."""

import json
import re

import numpy as np
import pytest

from seqzoo.display.plots import confusion_plot
from seqzoo.display.report import shown, update_report, write_report
from seqzoo.display.terminal import tagged
from seqzoo.task import TASKS

HOSTILE = "<img src=//x.example onerror=alert(1)>"
METRICS = {
    "valid_f1": 93.7061, "valid_precision": 95.0, "valid_signature": "nrefs:1", "valid_loss": None,
    "valid_classes": {HOSTILE: {"f1": 81.25, "support": 1234}}, "test_f1": 92.5,
    "valid_baselines": {"look-up": {"f1": 11.0711}}, "epochs": 3, "minutes": 1.5,
}  # fmt: skip


def sentence(tag, gold):
    answer = tagged(f"in {HOSTILE}", [("in", 0, 2), (HOSTILE, 3, 3 + len(HOSTILE))], ["O", tag])
    for token, right in zip(answer["tokens"], ["O", gold], strict=True):
        token["gold"] = right
    return answer


def report(folder):
    """A folder of a run with its report, and the task."""
    folder.mkdir(exist_ok=True)
    task = TASKS["ner"](TASKS["ner"].Config(units=8, data_dir=f"{HOSTILE}/a b"), {})
    answers = [sentence("B-PER", "B-PER"), sentence("B-PER", f"B-{HOSTILE}")]
    files = {
        "metrics": METRICS, "predictions": answers, "summary": {"train": HOSTILE, "valid": "9 examples"},
        "environment": {"command": "run.py", "keras": "3.15.1", "seqzoo": None, "platform": HOSTILE},
    }  # fmt: skip
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    confusion_plot(["O", HOSTILE], np.eye(2, dtype=int), folder / "confusion.png")
    return write_report(folder, task), task


@pytest.fixture
def page(tmp_path):
    return report(tmp_path / "run")[0].read_text("utf-8")


def test_a_report_holds_scores_pictures_answers_and_the_command(page, tmp_path):
    rows = [re.sub("<[^>]+>", " ", row).split() for row in re.findall("<tr.*?</tr>", page, re.DOTALL)]
    for row in (
        ["precision", "(%)", "F1", "(%)", "support"],  # the columns that have a value
        ["valid", "95.00", "93.71"],
        ["baseline:", "look-up", "11.07"],
        ["test", "92.50"],
        ["valid", "9", "examples"],
        ["keras", "3.15.1"],
    ):
        assert row in rows
    assert any(row[-2:] == ["81.25", "1,234"] for row in rows)
    assert (
        "<strong>F1 (%)</strong>: valid 93.71, test 92.50, look-up 11.07" in page and "epochs 3 · minutes 1.5" in page
    )
    assert re.findall('<img alt="(.*?)"', page) == ["confusion"] and '<a href="confusion.csv">' in page
    command = re.findall("<span>(--.*?)</span>", page)  # the options that are not defaults
    assert command == ["--task=ner", "--units=8", f"--workdir={tmp_path / 'run'}"]
    assert "Different from gold: 1 of the first 2 answers" in page
    wrong, right = re.findall("<article.*?</article>", page)
    assert "<span class=side>gold</span>" in wrong and "gold" not in right


def test_text_of_data_in_a_report_is_never_markup_and_the_page_needs_nothing_else(page):
    assert page.count("&lt;img src=//x") == 8  # a class, four times in the answers, the data, an option, the platform
    rest = re.sub(r'"data:image/png;base64,[A-Za-z0-9+/=]+"', "DATA", page)
    assert re.findall(r"<img[^>]*src=(\S+?)>", rest) == ["DATA"]
    assert not re.search(r"<script|<link|https?:|url\(|@import", rest)
    assert rest.count("//") == rest.count("&lt;img src=//x")


def test_a_report_is_written_again_when_a_later_command_adds_a_picture(tmp_path):
    path, task = report(tmp_path / "run")
    (path.parent / "samples").mkdir()
    (path.parent / "confusion.png").rename(path.parent / "samples" / "1.png")
    (path.parent / "samples" / "1.mid").touch()
    update_report(path.parent, task)
    assert re.findall('<img alt="(.*?)"', path.read_text()) == ["1"]
    assert '<figcaption><a href="samples/1.mid">1.mid</a></figcaption>' in path.read_text()
    (path.parent / "metrics.json").unlink()
    path.unlink()
    update_report(path.parent, task)  # of a run that is still trained
    assert not path.exists()


def test_answers_that_differ_from_gold_come_first():
    answers = [{"wrong": i % 2 == 1} for i in range(40)]
    assert shown(answers, lambda answer: answer["wrong"]) == [1, 3, 5, 7, 9, 11, 13, 15, 0, 2]
    assert shown(answers[:3], lambda answer: answer["wrong"]) == [1, 0, 2]
