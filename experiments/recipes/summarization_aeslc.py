"""AESLC: the subject line of an e-mail, by a pointer-generator.

ROUGE is F1 of Porter's stems by rouge-score, against the original subject, lower-cased, on valid (1,960 e-mails). The
published numbers are for test.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="AESLC, subject lines of e-mails, ROUGE-L against the original subjects",
    flags="--task=summarization --dataset=jsonl --data_dir={data}/aeslc --lowercase --max_tokens=80 --longest=20 "
    "--min_count=4 --dim=128 --encoder_units=128 --units=256 --dropout=0.3 --input_dropout=0.2 --batch_size=64 "
    "--learning_rate=0.003 --average=0.995 --epochs=6",
    metric="valid_beam_rougel",
    expected=24.89,
    tolerance=0.8,
    minutes=39,
    published=(
        Published(
            "Zhang & Tetreault (2019), extraction and abstraction, test", 23.44, "https://aclanthology.org/P19-1043"
        ),
    ),
    seeds=1,
)
