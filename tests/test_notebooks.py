"""The notebooks run from top to bottom."""

import pathlib

import pytest
from marks import variants

NOTEBOOKS = sorted((pathlib.Path(__file__).parents[1] / "experiments" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", variants(*NOTEBOOKS), ids=lambda path: path.stem)
def test_notebook(path, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", ()) for output in outputs) or path.stem == "own_data"


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["gates", "own_data", "tagger"]
