"""A short part of the fuzzing in tests/fuzz: a failure prints the command that runs its case again."""

import pytest
from fuzz.subjects import run_case


@pytest.mark.parametrize(
    "subject, cases",
    [
        ("harmless", 60),
        ("damaged", 150),
        ("vectors", 50),
        ("options", 50),
        ("ways", 30),
        pytest.param("runs", 40, marks=pytest.mark.slow),
        pytest.param("answers", 40, marks=pytest.mark.slow),
    ],
)
def test_hostile_input_is_refused_in_one_line_or_read_as_a_whole(subject, cases, tmp_path):
    for number in range(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            run_case(0, number, folder, [subject])
        except BaseException:
            print(f"python -m tests.fuzz --seed=0 --case={number} --subjects={subject}")
            raise
