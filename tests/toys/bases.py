"""A tag for each base, in the small: the task dna as it is where the data have tags."""

from seqzoo.task import TASKS
from seqzoo.tasks.dna import DNA


@TASKS.register("dna_tags")
class Tags(DNA):
    """Bases: accuracy of their tags."""

    needs = {"text": str, "tags": list}

    @classmethod
    def tiny(cls):
        tags = {"AATGCTAAC": "-ccccccc-", "acgtn": "-----", "ATGR": "cccc", "G": "-"}
        examples = [{"text": text, "tags": [*own]} for text, own in tags.items()]
        config = cls.Config(units=4, filters=6, kernel_size=3, epochs=2, learning_rate=0.02, dropout=0.1, crf=True)
        return config, {"train": examples, "valid": examples}, ["AATGCTAAC", "", "acg"]
