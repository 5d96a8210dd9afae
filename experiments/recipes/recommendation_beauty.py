"""Amazon Beauty: the last but one item of each user is valid, the last of the file; 22,363 users, 12,101 items.

Settings were tuned on the item before it, held out of train; the epoch is the best on valid. The papers score the last
item. Of the baselines the best mix of item-kNN and Markov chain has 9.76 on valid, the Markov chain alone 7.98.
"""

from experiments import Experiment, Published

S3REC = "https://github.com/aHuiWang/CIKM2020-S3Rec"
EXPERIMENT = Experiment(
    title="Amazon Beauty, the last but one item of each user, HR@10 among all 12,101 items",
    flags="--task=recommendation --dataset=histories --data_dir={data}/beauty/Beauty.txt.gz --softmax=sampled "
    "--dim=128 --dropout=0.5 --input_dropout=0.4 --drop_items=0.2 --batch_size=64 --batch_tokens=1024 "
    "--learning_rate=0.003 --epochs=20 --evaluate_every=4",
    metric="valid_hr_10",
    expected=10.2,
    tolerance=0.4,
    minutes=16.0,
    published=(
        Published("Zhou et al. (2020), GRU4Rec, all items, test", 2.83, S3REC),
        Published("SASRec, test", 6.05, S3REC),
        Published("S3-Rec, test", 6.47, S3REC),
    ),
    headline=True,
)
