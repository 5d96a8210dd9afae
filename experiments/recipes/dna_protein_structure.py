"""Secondary structure of proteins: helix, sheet or coil of each residue, cross-validated over 111 chains."""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="protein secondary structure, Q3 over 5 folds of the training chains",
    flags="--task=dna_tagging --alphabet=protein --dataset=chains "
    "--data_dir={data}/protein_ss/protein-secondary-structure.train --folds=5 --filters=64 --kernel_size=11 --units=64 "
    "--dropout=0.4 --letter_dropout=0.1 --epochs=18 --average=0.97 --batch_size=8 --learning_rate=0.008",
    metric="valid_accuracy",
    expected=64.98,
    tolerance=1.5,
    minutes=3.0,
    published=(
        Published("Qian & Sejnowski (1988), window of 13, test", 64.3, "https://doi.org/10.1016/0022-2836(88)90564-5"),
    ),
    seeds=1,
)
