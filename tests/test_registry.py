"""Registries: names and their traits are read from the source, without an import."""

import sys

import pytest

from seqzoo.registry import Registry
from seqzoo.rnns import RNNS, DirectedRegistry

SOURCE = '''"""Not @this.register("nothing")."""

raise ImportError("nobody may import this")


@other
@REGISTRY.register("plain", width=3)
@another(1)
def plain(x: int, text: str = "a: b") -> int:  # a comment
    """First line: short.

    More.
    """
    for y in x:
        return y


@REGISTRY.register(
    "one", "two",
    states="h c", both=False,
)
class Thing(
    Base,
):
    value = 1


def nothing():
    @REGISTRY.register("inner")
    def inner():
        return 1
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "registered_things"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "things.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder.name
    sys.modules.pop(folder.name, None)


def test_names_summaries_and_traits_are_read_without_an_import(package):
    registry = Registry("thing", package)
    assert registry.names() == ["one", "plain", "two"]
    assert registry.summary("plain") == "First line: short." and registry.summary("one") == ""
    assert registry.trait("plain", "width", 0) == 3 and registry.trait("two", "states", "") == "h c"
    assert registry.trait("plain", "both", True) is True and registry.trait("one", "both", True) is False
    with pytest.raises(ImportError, match="nobody may"):
        registry["plain"]


def test_a_layer_exists_in_both_directions_unless_it_says_that_it_does_not(package):
    registry = DirectedRegistry("thing", package)
    assert registry.names() == ["biplain", "one", "plain", "two"]
    assert registry.trait("biplain", "width", 0) == 3 and registry.summary("biplain") == "plain in both directions"
    assert registry.trait("biplain", "bidirectional", False) and not registry.trait("plain", "bidirectional", False)
    assert "bione" not in registry and "bi" not in registry and "bibiplain" not in registry
    with pytest.raises(ValueError, match="Unknown thing 'bipla'. Did you mean 'biplain'"):
        registry["bipla"]


def test_every_recurrent_layer_says_what_the_list_shows_of_it():
    for name in RNNS.names():
        assert RNNS.trait(name, "states", "") and RNNS.trait(name, "parameters", ""), name
