"""ATIS, requests of air travellers in the split of Goo et al. (2018): slots and intents at once; F1 of slots on valid.

All 21 intents are labels; two joined by # form a label of their own. Published numbers are for test, 893 requests of
other sessions, where published runs lose about two points against valid. Without GloVe, in 20 epochs: 97.16; with a
CRF and more dropout: 96.62.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="ATIS, slots and intents at once, F1 of slots on valid",
    flags="--task=dialogue_understanding --dataset=slot_files --data_dir={data}/atis "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --novectors_trainable --nogate --nocrf --units=128 "
    "--char_units=100 --weigh_batches --epochs=30",
    metric="valid_slot_f1",
    expected=97.83,
    tolerance=0.9,
    minutes=3.4,
    published=(
        Published("Goo et al. (2018), slot-gated, full attention, test", 94.8, "https://aclanthology.org/N18-2118/"),
        Published("Qin et al. (2019), Stack-Propagation, test", 95.9, "https://arxiv.org/abs/1909.02188"),
        Published("Wang et al. (2018), Bi-model, test", 96.89, "https://arxiv.org/abs/1812.10235"),
    ),
)
