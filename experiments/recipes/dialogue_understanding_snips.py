"""SNIPS, spoken requests in the split of Goo et al. (2018): slots and intents at once; F1 of slots on valid.

Published numbers are for test, 700 requests like those of valid. Without the CRF, with 128 units and 10 epochs: 92.35.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="SNIPS, slots and intents at once, F1 of slots on valid",
    flags="--task=dialogue_understanding --dataset=slot_files --data_dir={data}/snips "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --novectors_trainable --units=200 --dropout=0.5 "
    "--word_dropout=0.5 --epochs=20",
    metric="valid_slot_f1",
    expected=95.77,
    tolerance=1.0,
    minutes=21,
    published=(
        Published("Goo et al. (2018), slot-gated, full attention, test", 88.8, "https://aclanthology.org/N18-2118/"),
        Published("Qin et al. (2019), Stack-Propagation, test", 94.2, "https://arxiv.org/abs/1909.02188"),
    ),
)
