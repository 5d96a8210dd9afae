"""MSR Action3D skeletons, all clips of one of the five training subjects (9) as valid; error in metres.

The data have 15 frames a second, so the error at 80, 160 and 320 ms is measured at 67, 133 and 333 ms.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="MSR Action3D, the next 400 ms of a subject who is not in train, error of joints in metres",
    flags="--task=motion --dataset=skeletons --data_dir={data}/msr_action3d/train.zip --fps=15 --epochs=80 "
    "--dropout=0.3 --learning_rate=0.004 --rotation=20 --scale=0.1 --stretch=0.1 --evaluate_every=4",
    metric="valid_error_400ms",
    expected=0.0961,
    tolerance=0.018,
    minutes=2.5,
)
