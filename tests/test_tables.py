"""Columns of tables: by name, by index, or by their common names."""

import pytest

from seqzoo.datasets import DATASETS
from seqzoo.datasets.tables import find_columns

COMMON = {"id": ("clip", "file"), "file": ("file", "filename"), "label": ("label",)}


@pytest.mark.parametrize(
    ("names", "columns", "expected"),
    [
        ([" File ", "LABEL"], None, {"id": 0, "label": 1}),  # a column holds one feature
        (["file", "clip"], {}, {"id": 1, "file": 0}),
        (["x", "File_Name", "file", "Clip"], {"file": "File_Name"}, {"id": 3, "file": 1}),
        (["y", "ID", "id"], {"id": "id", "label": "Y"}, {"id": 2, "label": 0}),  # the same name before another case
        (["file", "label", "z"], {"id": -1}, {"id": 2}),  # by index, the first line may be an example
        (["1", "2"], {"id": 0, "label": 0}, {"id": 0, "label": 0}),
        (["x", "label", "file"], {"id": 0}, {"id": 0}),
        (["x", "label", "file"], {"id": 0, "file": "file"}, {"id": 0, "file": 2, "label": 1}),  # so there is a header
    ],
)
def test_columns_are_found_by_name_by_index_and_by_common_names(names, columns, expected):
    assert find_columns("x.csv", names, columns, COMMON, ("id",)) == expected


@pytest.mark.parametrize(
    ("names", "columns", "message"),
    [
        (["label"], {}, "x.csv: no column for the id: looked for clip or file. Found: 'label'. .* --columns=id=NAME;"),
        (["clip"], {"label": "class"}, "no column for the label: looked for 'class'"),
        (["clip"], {"id": 1}, "no column for the id: looked for 1"),
        (["clip"], {"id": -2}, "no column for the id: looked for -2"),
        ([], {}, "Found: nothing"),
        (["clip"], {"text": 0}, "columns should name id, file, label, .* Unknown: text"),
    ],
)
def test_a_missing_column_is_an_error(names, columns, message):
    with pytest.raises(ValueError, match=message):
        find_columns("x.csv", names, columns, COMMON, ("id",))


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("a.png,text\nb.png,a dog\n", None),
        ("image,caption\na.png,text\nb.png,a dog\n", None),
        ("image,caption\na.png,text\nb.png,a dog\n", {"file": 0, "caption": 1}),
        ("a.gif,text\nb.gif,a dog\n", {"file": 0, "caption": 1}),
        ("text,a.png\na dog,b.png\n", {"file": 1, "caption": 0}),
    ],
)
def test_a_header_of_captions_is_skipped_however_columns_are_given(tmp_path, table, columns):
    (tmp_path / "train.csv").write_text(table)
    train = DATASETS["captions"](data_dir=tmp_path, columns=columns)["train"]
    assert [example["captions"] for example in train] == [["text"], ["a dog"]]
