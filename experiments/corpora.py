"""The corpora that the recipes read: where to get them, and how to lay them out in one folder (--data).

The project includes none of them. All files are UTF-8, and may be gzipped (with ``.gz`` appended to the name).
"""

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A corpus and its folder.

    Attributes:
        what: its name and, where not obvious, its splits.
        files: files or folders that the folder must hold.
        source: web address to get it from.
        layout: how to make the files from those published there.
    """

    what: str
    files: tuple
    source: str
    layout: str


CORPORA = {
    "aeslc": Corpus(
        "AESLC: e-mails of Enron and their subject lines (Zhang & Tetreault, 2019): 14,436 and 1,960",
        ("train.jsonl.gz", "dev.jsonl.gz"),
        "https://github.com/ryanzhumich/AESLC",
        'JSON lines `{"id", "text", "subject"}` of the files of `enron_subject_line`, the text before and after '
        "@subject; in dev also `ann0` to `ann2`, what is after @ann0 to @ann2",
    ),
    "atis": Corpus(
        "ATIS, requests of air travellers with slots and intents, as Goo et al. (2018) divide them: 4,478 and 500",
        ("train", "valid"),
        "https://github.com/MiuLab/SlotGated-SLU",
        "as they are in `data/atis`",
    ),
    "babi_dialog": Corpus(
        "Dialog bAbI tasks 1 to 5 (Bordes et al., 2017): 1,000 dialogues each for train and dev",
        ("dialog-babi-task1-API-calls-trn.txt", "dialog-babi-task1-API-calls-dev.txt"),
        "https://github.com/voicy-ai/DialogStateTracking",
        "`data/dialog-bAbI-tasks` as it is, without the files of test",
    ),
    "beauty": Corpus(
        "Amazon Beauty, users and items with five purchases or more (McAuley et al., 2015): 22,363 histories without "
        "their last item",
        ("Beauty.txt.gz",),
        "https://github.com/aHuiWang/CIKM2020-S3Rec",
        "`data/Beauty.txt`, lines of a user and the items, without each line's last item, which is test",
    ),
    "camrest676": Corpus(
        "CamRest676, dialogues about restaurants (Wen et al., 2017): 405 and 135",
        ("train.json", "valid.json", "CamRest.db.json"),
        "https://github.com/shawnwun/NNDIAL",
        "`data/CamRest676/CamRest676.json` cut 3:1:1 in its order, and `resource/CamRest.db.json`",
    ),
    "conll2003": Corpus(
        "CoNLL-2003, English news, columns token, POS, chunk, NER (Tjong Kim Sang & De Meulder, 2003)",
        ("train.txt", "valid.txt"),
        "https://www.clips.uantwerpen.be/conll2003/ner/",
        "`eng.train` and `eng.testa` as they are; BIO or IOB. Only the annotation: the words are Reuters', from NIST",
    ),
    "deu_eng": Corpus(
        "Tatoeba's German-English pairs of 2018-04-07, as manythings.org selects them: 169,197",
        ("deu.txt",),
        "http://www.manythings.org/anki/",
        "`deu.txt` of deu-eng.zip, English, tab, German, gzipped; later versions have more pairs and give other scores",
    ),
    "emoji_captions": Corpus(
        "Emoji as pictures of 32 by 32 with their English names: 3,289 and 183; valid has only compositions",
        ("train_captions.tsv", "valid_captions.tsv", "train_images.zip", "valid_images.zip"),
        "https://unicode.org/Public/emoji/15.0/emoji-test.txt",
        "the fully-qualified emoji of `emoji-test.txt` with their names in lower case, drawn in Noto Color Emoji on "
        "white as PNG, in a zip; tables of file, tab, name; the split is your own: some sequences with a skin tone, "
        "every word of which is in train",
    ),
    "fsdd": Corpus(
        "Free Spoken Digits at 8 kHz, six speakers, indices 5 to 49 of commit 26eb9aaf; index 5 to 9 is valid",
        ("recordings.zip", "strings_valid.txt"),
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        "a zip of `recordings` without the test part, indices 0 to 4; and 500 lines such as "
        "`9_jackson_8.wav:129 3_jackson_6.wav:241`, two to seven recordings of one speaker with index 5 to 9, with up "
        "to 1,600 silent samples after each; the list is your own",
    ),
    "g2p_sigmorphon2020": Corpus(
        "Grapheme to phoneme in 15 languages, from WikiPron (Gorman et al., 2020): 3,600 and 450 words each",
        ("train", "dev"),
        "https://github.com/sigmorphon/2020",
        "as they are in `task1/data`",
    ),
    "glove": Corpus(
        "GloVe 6B, 50 dimensions (Pennington et al., 2014)",
        ("glove.6B.50d.subset.txt.gz",),
        "https://nlp.stanford.edu/projects/glove/",
        "`glove.6B.50d.txt` of glove.6B.zip under this name, gzipped. Scores were recorded with its first 60,000 words "
        "and those of the corpora here, which saves memory",
    ),
    "imdb": Corpus(
        "Large Movie Review (Maas et al., 2011): 22,500 and 2,500 reviews of the labelled train half",
        ("train.jsonl", "valid.jsonl"),
        "https://ai.stanford.edu/~amaas/data/sentiment/",
        'a JSON object a line, `{"text": ..., "label": "positive"}` or `"negative"`; the split is your own',
    ),
    "japanese_vowels": Corpus(
        "Japanese Vowels (Kudo et al., 1999): 270 training utterances of 9 speakers, 12 cepstra a frame",
        ("JapaneseVowels_TRAIN.ts",),
        "https://www.timeseriesclassification.com/description.php?Dataset=JapaneseVowels",
        "`JapaneseVowels_TRAIN.ts` as it is, or gzipped",
    ),
    "jsb_chorales": Corpus(
        "JSB chorales as piano rolls of quarters (Boulanger-Lewandowski et al., 2012): 229 and 76 pieces",
        ("jsb-chorales-quarter.json",),
        "https://github.com/czhuang/JSB-Chorales-dataset",
        "as it is",
    ),
    "lastfm": Corpus(
        "Artists of 1,090 users of Last.fm (HetRec 2011), without their last one",
        ("LastFM.txt.gz",),
        "https://github.com/aHuiWang/CIKM2020-S3Rec",
        "`data/LastFM.txt`, prepared like `beauty/`",
    ),
    "mauna_loa": Corpus(
        "Carbon dioxide on Mauna Loa, weekly means from 1958 to 2001: 2,284 weeks",
        ("co2.csv",),
        "https://www.statsmodels.org/stable/datasets/generated/co2.html",
        "`statsmodels.datasets.co2.load_pandas().data.interpolate().to_csv('co2.csv', index_label='week')`",
    ),
    "msr_action3d": Corpus(
        "MSR Action3D skeletons (Li et al., 2010): 292 clips of 20 actions by subjects 1, 3, 5, 7 and 9",
        ("train.zip", "files_used_in_cvpr12_paper.txt"),
        "https://doi.org/10.1109/CVPRW.2010.5543273",
        "`train.zip` of the files `aAA_sSS_eEE_skeleton3D.txt` (real-world coordinates) of these subjects, and the "
        "list of the 557 clips that papers use, such as `a01_s01_e01`, one a line",
    ),
    "multi30k": Corpus(
        "Multi30k, task 1, raw captions (Elliott et al., 2016): 29,000 and 1,014",
        ("train.en", "train.de", "val.en", "val.de"),
        "https://github.com/multi30k/dataset",
        "as they are in `data/task1/raw`",
    ),
    "nottingham_midi": Corpus(
        "Nottingham's folk tunes as MIDI, cleaned by Jukedeck: 860 and 87 of 1,034 tunes",
        ("train", "valid"),
        "https://github.com/jukedeck/nottingham-dataset",
        "the files of `MIDI`, in two folders; the split is your own, about a twelfth for valid and for test",
    ),
    "promoters": Corpus(
        "Promoters of E. coli (sigma70) and B. subtilis, and other DNA, 81 bases each (Umarov & Solovyev, 2017): 3,071 "
        "and 1,098 sequences, four fifths of all",
        ("ecoli_train.csv", "bacillus_train.csv"),
        "https://github.com/nmach22/Promoter-Classification",
        "the FASTA files of `dataset` as lines `label,name,sequence` under that header, label 1 for promoters, 0 for "
        "others; the fifth that is left out is your own, equal sequences on one side",
    ),
    "protein_ss": Corpus(
        "Secondary structure of globular proteins (Qian & Sejnowski, 1988): 111 chains, 18,105 residues",
        ("protein-secondary-structure.train",),
        "https://archive.ics.uci.edu/dataset/68",
        "as it is",
    ),
    "ptb": Corpus(
        "Penn Treebank, 10,000 words (Mikolov et al., 2010)",
        ("ptb.train.txt", "ptb.valid.txt"),
        "http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz",
        "as they are in `data`",
    ),
    "rnnlg": Corpus(
        "RNNLG, dialogue acts and sentences about restaurants (Wen et al., 2015): 3,114 and 1,039",
        ("restaurant",),
        "https://github.com/shawnwun/RNNLG",
        "`data/original/restaurant/train.json` and `valid.json`, in the folder restaurant",
    ),
    "scan": Corpus(
        "SCAN, commands and their actions (Lake & Baroni, 2018): the train parts of three splits, 14,670 to 16,990",
        ("simple_split", "length_split", "add_prim_split"),
        "https://github.com/brendenlake/SCAN",
        "as they are there, but without the test files, which runs would score",
    ),
    "sick": Corpus(
        "SICK, pairs of sentences and how related they are (Marelli et al., 2014): 4,500 and 500",
        ("SICK_train.txt", "SICK_trial.txt"),
        "https://alt.qcri.org/semeval2014/task1/",
        "as they are",
    ),
    "snips": Corpus(
        "SNIPS, spoken requests with slots and seven intents (Coucke et al., 2018; Goo et al., 2018): 13,084 and 700",
        ("train", "valid"),
        "https://github.com/MiuLab/SlotGated-SLU",
        "as they are in `data/snips`",
    ),
    "splice": Corpus(
        "Splice junctions of primates, 60 bases around a point (Towell, Noordewier & Shavlik, 1991): 2,552 of 3,190",
        ("train.csv",),
        "https://github.com/pauldhein/splice-junction-detector",
        "`data/splice.csv` under the header `label,instance_name,sequence`; the 638 left out are your own, equal "
        "sequences on one side",
    ),
    "sst2": Corpus(
        "Stanford Sentiment Treebank, binary (Socher et al., 2013): 6,920 and 872 sentences, 77,616 phrases",
        ("train.tsv", "valid.tsv"),
        "https://nlp.stanford.edu/sentiment/",
        "lines `text`, tab, `negative` or `positive`, under the header `text`, tab, `label`; without the neutral ones. "
        "Recipes with phrases: `train_phrases.tsv.gz`, the labelled phrases of the training trees",
    ),
    "stsb": Corpus(
        "STS benchmark, pairs of sentences and how similar they are (Cer et al., 2017): 5,749 and 1,500",
        ("stsb-en-train.csv", "stsb-en-dev.csv"),
        "https://github.com/PhilipMay/stsb-multi-mt",
        "as they are in `data`",
    ),
    "tiny_shakespeare": Corpus(
        "tiny Shakespeare: the last tenth is valid",
        ("input.txt",),
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "as it is",
    ),
    "trec": Corpus(
        "TREC questions, 6 classes (Li & Roth, 2002): 500 of the 5,452 training questions are valid",
        ("train.tsv", "valid.tsv"),
        "https://cogcomp.seas.upenn.edu/Data/QA/QC/",
        "`train_5500.label` as lines `text`, tab, coarse label, under the header `text`, tab, `label`; the split is "
        "your own",
    ),
    "ud_english_ewt": Corpus(
        "Universal Dependencies English EWT, r2.10",
        ("en_ewt-ud-train.conllu", "en_ewt-ud-dev.conllu"),
        "https://github.com/UniversalDependencies/UD_English-EWT/tree/r2.10",
        "as they are",
    ),
    "ud_turkish_imst": Corpus(
        "Universal Dependencies Turkish IMST, r2.10",
        ("tr_imst-ud-train.conllu", "tr_imst-ud-dev.conllu"),
        "https://github.com/UniversalDependencies/UD_Turkish-IMST/tree/r2.10",
        "as they are",
    ),
}


def missing(paths: Iterable[str], folder: pathlib.Path) -> Iterator[str]:
    """Yields a sentence for each incomplete corpus: what it lacks, and where to get that.

    Args:
        paths: as in recipes: ``"conll2003"``, or one file: ``"glove/glove.6B.50d.subset.txt.gz"``.
        folder: the folder that holds the corpora.
    """
    wanted = {}
    for path in paths:
        name, _, file = path.partition("/")
        wanted.setdefault(name, []).extend([file] if file else CORPORA[name].files)
    for name, files in wanted.items():
        corpus, home = CORPORA[name], folder / name
        present = {entry.name for entry in home.iterdir()} if home.is_dir() else set()
        if lacks := [file for file in dict.fromkeys(files) if not {file, f"{file}.gz"} & present]:
            state = "lacks" if home.is_dir() else "does not exist; it should hold"
            layout = corpus.layout.replace("`", "")
            yield f"{home} {state} {', '.join(lacks)}: {corpus.what}. From {corpus.source} ({layout})."


def table() -> str:
    """The corpora in Markdown."""
    lines = ["| folder | holds | what | how |", "|---|---|---|---|"]
    for name, corpus in CORPORA.items():
        files = ", ".join(f"`{file}`" for file in corpus.files)
        lines.append(f"| `{name}/` | {files} | [{corpus.what}]({corpus.source}) | {corpus.layout} |")
    return "\n".join(lines)
