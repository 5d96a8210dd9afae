"""The contract of a dataset, for every name in DATASETS that needs no download."""

import inspect
import itertools
import zlib

import pytest
from marks import slow

from seqzoo.datasets import DATASETS
from seqzoo.datasets.fingerprints import serialized

DOWNLOADED = [name for name in DATASETS.names() if DATASETS[name].__module__ == "seqzoo.datasets.tfds"]
NAMES = [name for name in DATASETS.names() if name not in (*DOWNLOADED, "espeak")]  # espeak: see test_sound
GENERATED = [name for name in NAMES if DATASETS[name].__module__.startswith("seqzoo.datasets.generated.")]


def reads_files(name):
    """Whether a dataset needs --data_dir."""
    try:
        DATASETS[name]()
    except ValueError as error:
        assert "--data_dir" in str(error), "a dataset that reads files says which option is missing"
        return True
    return False


@pytest.mark.parametrize("name", DATASETS.names())
def test_a_dataset_takes_what_every_task_hands_it(name):
    parameters = inspect.signature(DATASETS[name]).parameters
    assert [*parameters][:3] == ["data_dir", "name", "columns"]
    assert all(parameter.default is not parameter.empty for parameter in parameters.values())
    assert DATASETS.summary(name).endswith("."), "a sentence for --list"


@pytest.mark.parametrize("name", [*sorted({*NAMES} - {"chorales"}), *slow("chorales")])  # music21 reads its files
def test_examples_are_as_declared_and_the_same_each_time(name):
    if reads_files(name):
        pytest.skip("reads files: see the tests of the readers")
    splits = DATASETS[name]()
    assert splits.keys() <= {"train", "valid", "test"} and "train" in splits
    for examples in splits.values():
        assert examples.features and examples.source
        first, again = ([*itertools.islice(examples, 20)] for _ in range(2))  # iterating checks the features
        assert len(first) > 1
        for a, b in zip(first, again, strict=True):
            assert a.keys() == b.keys() >= examples.features.keys()
            assert serialized(a) == serialized(b)


def test_generated_data_depend_on_their_seed_alone():
    """A new generator may change its number here; another version of Python or of a library may not."""
    found = {}
    for name in GENERATED:
        parts = [itertools.islice(examples, 100) for examples in DATASETS[name]().values()]
        found[name] = zlib.crc32(b"".join(map(serialized, itertools.chain(*parts))))
    assert found == {
        "adding": 2082774167,
        "associative_recall": 226731696,
        "bookings": 828984622,
        "commands": 887260951,
        "copy": 2105416870,
        "dates": 651251849,
        "delayed_copy": 2155579884,
        "digit_lines": 2563693594,
        "digit_pixels": 2045802210,
        "digit_rows": 3692443392,
        "digit_scenes": 1359013344,
        "episodes": 4244304889,
        "event_logs": 616544203,
        "figures": 1344338516,
        "genes": 63121662,
        "grammar": 3658219966,
        "modulo_3": 2261835266,
        "moving_digits": 2762553575,
        "paraphrases": 2235348114,
        "parity": 4258204479,
        "repeat_copy": 3307207210,
        "reversed": 3220256872,
        "promoters": 1196083960,
        "reviews": 1752236288,
        "spellings": 1180426277,
        "spoken_digits": 3955692645,
        "temporal_order": 2681284923,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_not_there_is_an_error_that_names_it(name, tmp_path):
    with pytest.raises(ValueError) as caught:
        for examples in DATASETS[name](data_dir=str(tmp_path / "nowhere")).values():
            next(iter(examples))
    assert "nowhere" in str(caught.value) or "reads nothing" in str(caught.value)
