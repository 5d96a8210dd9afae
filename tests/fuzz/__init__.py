"""Fuzzing: damaged files, hostile options and hostile texts, made from small well-formed ones.

python -m tests.fuzz --cases=10000 --seed=0        some minutes; ends with the number of failures
python -m tests.fuzz --seed=0 --case=123           one case again, with its traceback; its files are kept

A case is a function of (seed, number). It must end as usual, or with an error that the command line turns into one
line: short, with the name of the file or the option, without control characters and internals of libraries. What was
read is counted by a few lines of other code, and a change that means nothing, such as other line ends, must change
nothing. Subjects are in `subjects`, what is done to them in `mutations`, what must hold in `oracles`.
"""
