"""Carbon dioxide on Mauna Loa, weekly, 1958 to 2001: the next half year. A MASE of 1 is a year's change in train."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="weekly CO2 on Mauna Loa, MASE of 26 weeks",
    flags="--task=motion --dataset=series --data_dir={data}/mauna_loa/co2.csv --season=52 --horizon=26 "
    "--max_frames=208 --units=64 --batch_size=4 --epochs=150 --learning_rate=0.005 --evaluate_every=10",
    metric="test_mase",
    expected=0.725,
    tolerance=0.24,
    minutes=1.5,
)
