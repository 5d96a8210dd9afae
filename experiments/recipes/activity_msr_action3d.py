"""MSR Action3D, all 20 classes: each of the five training subjects left out in turn, mean accuracy on the one left out.

The papers usually train on subjects 1, 3, 5, 7, 9 and score the others; here a fold trains on four of these five.
Clips are those of the papers. The last epoch is scored; no epoch is chosen. The input removes differences between
people: joints are relative to the hips and share one scale (scaled one by one, joints that hardly move in four subjects
would be many deviations away in the fifth), and a movement keeps its shape but not its place and size.
"""

from experiments import Experiment, Published

WENG = "https://github.com/SCWengTJU/DualStreamCNN"

EXPERIMENT = Experiment(
    title="MSR Action3D, 20 classes, each of 5 training subjects left out, accuracy",
    flags="--task=activity --dataset=skeletons --data_dir={data}/msr_action3d --name=files_used_in_cvpr12_paper.txt "
    "--folds=5 --centre=7 --per_clip --velocities --one_scale --rotation=30 --stretch=0.4 "
    "--time_warp=0.4 --drop_frames=0.1 --filters=128 --kernel_size=7 --pool=2 --units=96 --pooling=mean --dropout=0.5 "
    "--epochs=180 --evaluate_every=180 --average=0.99 --learning_rate=0.002",
    metric="valid_accuracy",
    expected=90.34,
    tolerance=3.0,
    minutes=27.0,
    seeds=1,
    published=(
        Published("HBRNN-L, as quoted by Weng et al. (2019)", 89.7, WENG),
        Published("URNN-2L-T, as quoted there", 93.1, WENG),
    ),
)
