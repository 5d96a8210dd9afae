"""Options that tasks share, in groups. A task's Config inherits the groups that it needs.

Nothing here imports TensorFlow, so that ``--help`` and errors of flags appear at once.
"""

import dataclasses
import inspect
import re
from collections.abc import Sequence

from seqzoo.config import Config, default, option
from seqzoo.data.augmentation import AXES
from seqzoo.datasets import DATASETS
from seqzoo.inputs.pictures import APPLICATIONS, RESIDUAL
from seqzoo.metrics.bootstrap import SAMPLES
from seqzoo.rnns import RNNS
from seqzoo.text.codec import UNITS
from seqzoo.text.lines import check_encoding
from seqzoo.text.normalization import FORMS

# Keras's optimizers, in lower case. Left out: muon (its decay has two options), schedulefreeadamw (it evaluates weights
# of its own), ftrl (its first step discards the initial weights, and so pretrained vectors), and wrappers of others.
OPTIMIZERS = (
    "adam", "nadam", "adamw", "sgd", "rmsprop", "adagrad", "adadelta", "adamax", "lion", "lamb", "adafactor",
)  # fmt: skip
SCHEDULES = ("constant", "exponential", "inverse_time", "cosine")
READERS = {  # which datasets have these options
    "group_by": "midi or text", "drums": "midi", "strings": "named_recordings", "apart": "named_recordings",
}  # fmt: skip
FORMATS = ("savedmodel", "litert", "onnx", "run")  # of an exported run
QUANTIZE = ("none", "float16", "int8")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclasses.dataclass(frozen=True)
class Data(Config):
    """Data."""

    shapes = False

    dataset: str = option("grammar", "Dataset (see --list).", choices=DATASETS)
    data_dir: str = option(
        "",
        "Folder with train, valid (or dev) and test files, or a single labelled file; folders for --dataset=folders.",
        path=True,
    )
    name: str = option("", "Name of a TFDS dataset, such as conll2002/es; or a part of the file names.")
    columns: str = option(
        "",
        "Which column holds which feature: tokens=0,ner=3 (conll), pos=xpos (conllu), text=review,label=stars (csv, "
        "tsv, jsonl), source=en,target=de (parallel), user=0,item=1,time=3 (events). text=title+body joins two. Empty: "
        "the usual ones.",
    )
    text_encoding: str = option(
        "utf-8", "Encoding of the text files in --data_dir and --vectors, such as latin-1, cp1252 or utf-16."
    )
    group_by: str = option(
        "", "When files are held out as valid, keep those of a folder together, such as versions of one piece.",
        choices=("", "folder"),
    )  # fmt: skip
    folds: int = option(
        0, "Cross-validation: train this many runs, in the folders fold1, fold2 ... of --workdir, each with another "
        "part of train as valid. Equal examples go into the same part. 0: one run.", minimum=2, zero=True,
    )  # fmt: skip
    fold: int = option(0, "Train only this fold, in --workdir itself; 0: all --folds.", minimum=0, needs="folds")
    unicode: str = option(
        "nfc",
        "Unicode form of all texts and labels: nfc composes letters and their accents (e and U+0301 are read as é).",
        choices=FORMS,
        shapes=True,
    )
    seed: int = option(0, "Seed of everything random: initial weights, order of the data, dropout.", minimum=0)

    def __post_init__(self):
        super().__post_init__()
        parse_columns(self.columns)  # refused before any data is read
        if self.fold > self.folds:
            raise ValueError(f"--fold should be at most --folds={self.folds}. Received: {self.fold}")


@dataclasses.dataclass(frozen=True)
class Strings(Config):
    """Strings of recordings."""

    shapes = False

    strings: int = option(
        0, "Maximum recordings that --dataset=named_recordings joins into a string for training.", minimum=0
    )
    apart: bool = option(False, "Score the recordings in lists of --dataset=named_recordings one by one.")


@dataclasses.dataclass(frozen=True)
class Batching(Config):
    """Batching."""

    shapes = False

    batch_size: int = option(
        32, "Maximum examples in a batch; 0: only --batch_tokens counts.", minimum=0, sweep=[16, 32, 64]
    )
    batch_tokens: int = option(16384, "Maximum padded tokens in a batch; 0: no limit.", minimum=0)
    static_shapes: bool = option(
        False,
        "Pad to a small fixed set of shapes and fill up batches with rows of weight 0, for XLA and TPU; always on JAX.",
    )
    cache_tokens: int = option(
        2_000_000,
        "Largest split to keep in memory, in tokens (large frames: in kilobytes); others are read again each epoch.",
        minimum=0,
    )

    def __post_init__(self):
        super().__post_init__()
        if not self.batch_size and not self.batch_tokens:
            raise ValueError("--batch_size and --batch_tokens are both 0: a batch needs one limit.")


@dataclasses.dataclass(frozen=True)
class Frames(Config):
    """Frames."""

    velocities: bool = option(False, "Also read the change of each number since the previous frame.")
    centre: int = option(
        0, "Joint, counted from 1, whose position is subtracted from all joints (3 numbers each); 0: none.",
        minimum=0,
    )  # fmt: skip
    per_clip: bool = option(
        False,
        "Subtract the mean over the clip from each number and divide all by the size of the clip's movement: people "
        "differ in both.",
    )
    one_scale: bool = option(
        False,
        "Divide all numbers by one standard deviation (for joints) instead of each by its own (for sensors).",
    )
    input_dropout: float = option(
        0.0, "Dropout of a frame's features, with one mask for all steps.", minimum=0, maximum=0.95
    )


@dataclasses.dataclass(frozen=True)
class Video(Config):
    """Video."""

    picture_size: int = option(0, "Scale pictures to this many rows and columns; 0: leave them.", minimum=0)
    picture_filters: str = option("8+16", "Filters of the convolutions over each picture, joined by +; 0: none.")
    picture_kernel: int = option(3, "Rows and columns of their kernels.", minimum=1)
    convlstm: int = option(0, "Filters of a convolutional LSTM after the convolutions; 0: none.", minimum=0)

    def __post_init__(self):
        super().__post_init__()
        if not all(part.isdecimal() for part in self.picture_filters.split("+")):
            raise ValueError(
                f"--picture_filters should be numbers joined by +, such as 8+16. Received: {self.picture_filters!r}"
            )


@dataclasses.dataclass(frozen=True)
class Pictures(Config):
    """Pictures."""

    reader: str = option(
        "map", "How the recurrent layers read a picture: as the positions of a feature map (Xu et al., 2015), or by "
        "columns from left to right, as for a line of handwriting.", choices=("map", "columns"),
        sweep=["map", "columns"],
    )  # fmt: skip
    picture_size: int = option(
        0, "Scale pictures to this many rows and columns; with --reader=columns to this many rows, in proportion. "
        "0: to the size of the first picture, at most 224.", minimum=1, maximum=4096, zero=True,
    )  # fmt: skip
    colour: str = option(
        "auto", "Read pictures in grey or in colour; auto: like the first one.", choices=("auto", "grey", "colour")
    )
    encoder: str = option(
        RESIDUAL, "Network that computes the feature map: a small residual one, or a Keras application.",
        choices=(RESIDUAL, *APPLICATIONS), needs="reader=map",
    )  # fmt: skip
    encoder_weights: str = option(
        "", "File with the weights of that application without its top, such as those of ImageNet.", path=True,
        needs=tuple(f"encoder={name}" for name in APPLICATIONS), shapes=False,
    )  # fmt: skip
    tune_encoder: bool = option(
        False, "Train these weights further; otherwise they are frozen.", needs="encoder_weights", sweep=[True, False]
    )
    picture_filters: str = option(
        "16+32+64", "Filters of the convolutions, joined by +; each halves the rows and columns.",
        needs=(f"encoder={RESIDUAL}", "reader=columns"), sweep=["16+32+64", "32+64+128"],
    )  # fmt: skip
    picture_kernel: int = option(
        3, "Rows and columns of their kernels.", minimum=1, needs=(f"encoder={RESIDUAL}", "reader=columns")
    )
    blocks: int = option(1, "Residual blocks after each convolution of the map.", minimum=0, needs="reader=map")
    input_dropout: float = option(
        0.1, "Dropout of the features, with one mask for all positions of a picture.", minimum=0, maximum=0.95,
        sweep=(0.0, 0.5),
    )  # fmt: skip
    shift: int = option(
        1, "In training, shift a picture by at most this many rows and columns, anew each epoch.", minimum=0,
        maximum=100, shapes=False,
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        if not self.widths:
            raise ValueError(
                f"--picture_filters should be numbers joined by +, such as 16+32. Received: {self.picture_filters!r}"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Returns the number of filters of each convolution, or () if the option is malformed."""
        parts = self.picture_filters.split("+")
        return tuple(map(int, parts)) if all(part.isdecimal() and int(part) for part in parts) else ()

    @property
    def width_pooling(self) -> tuple[int, ...]:
        """Returns how many columns each convolution pools in a reader of columns: the first two halve their number."""
        return (2, 2, *[1] * len(self.widths))[: len(self.widths)]


@dataclasses.dataclass(frozen=True)
class Augmentation(Config):
    """Augmentation."""

    shapes = False

    scale: float = option(0.0, "In training, multiply or divide a clip by up to 1 + this.", minimum=0, maximum=10)
    stretch: float = option(
        0.0, "In training, multiply the movement of each number by a factor of its own, up to 1 + this.", minimum=0,
        maximum=10,
    )  # fmt: skip
    shift: float = option(
        0.0, "In training, add a random constant to each number of a clip, of this share of its standard deviation.",
        minimum=0, maximum=10,
    )  # fmt: skip
    rotation: float = option(
        0.0, "In training, turn joints about the vertical axis by at most this many degrees.", minimum=0, maximum=180
    )
    vertical: str = option("y", "Which of the 3 numbers of a joint is its height.", choices=AXES)
    time_warp: float = option(
        0.0, "In training, play a clip faster or slower by a varying factor, up to 1 + this.", minimum=0, maximum=10
    )
    drop_frames: float = option(0.0, "Share of the frames that training leaves out.", minimum=0, maximum=0.9)


@dataclasses.dataclass(frozen=True)
class Words(Config):
    """Words."""

    word_dim: int = option(
        100, "Width of trained word embeddings; 0: none. Tuned vectors keep their own width.", minimum=0
    )
    lowercase: bool = option(True, "Look words up in lower case (characters and casing still see the case).")
    min_count: int = option(1, "Minimum count of a word in training; rarer ones are unknown words.", minimum=1)
    unknown_rate: float = option(
        0.5, "Share of the words seen once in training that are replaced by the unknown word.", minimum=0, maximum=1,
        needs=("word_dim", "vectors"),
    )  # fmt: skip
    vectors: str = option(
        "", "Text file of pretrained vectors of words (GloVe, word2vec, fastText; .gz too).", path=True
    )
    vectors_limit: int = option(
        0, "Maximum vectors of words not in training, from the top of the file; 0: all.", minimum=0, needs="vectors"
    )
    vectors_trainable: bool = option(
        True,
        "Tune the vectors of the words in training, or freeze all and add trained embeddings of width --word_dim.",
        needs="vectors",
        sweep=[True, False],
    )
    token_dropout: float = option(
        0.0, "Share of all words that are replaced by the unknown word in training.", minimum=0, maximum=0.95,
        needs=("word_dim", "vectors"),
    )  # fmt: skip
    word_dropout: float = option(
        0.33, "Dropout of the word features, with one mask for all steps.", minimum=0, maximum=0.95
    )


@dataclasses.dataclass(frozen=True)
class Characters(Config):
    """Characters."""

    characters: str = option(
        "cnn", "Character features of words.", choices=("cnn", "rnn", "none"), sweep=["cnn", "rnn"]
    )
    char_dim: int = option(30, "Width of character embeddings.", minimum=1, needs="characters")
    char_units: int = option(
        50, "Filters of the CNN, or units of each direction of the RNN.", minimum=1, needs="characters", sweep=[30, 50]
    )
    char_dropout: float = option(0.0, "Dropout of the character features.", minimum=0, maximum=0.95, needs="characters")
    max_word_length: int = option(
        20, "Maximum characters of a word; of a longer word, both ends are read.", minimum=2, needs="characters"
    )
    casing: bool = option(True, "Add the casing of the word (lower, UPPER, Title, digits ...).")

    def __post_init__(self):
        super().__post_init__()
        looked_up = getattr(self, "word_dim", 0) or getattr(self, "vectors", "")  # of the group Words
        if not looked_up and self.characters == "none" and not self.casing:
            raise ValueError(
                "The words have no features: --word_dim=0, --characters=none, no --casing and no --vectors. Give one."
            )


@dataclasses.dataclass(frozen=True)
class Sound(Config):
    """Sound."""

    sample_rate: int = option(
        0, "Sample rate that the model reads, in Hz; recordings of other rates are resampled. 0: that of the first "
        "recording of training, at most 16000.", minimum=1000, maximum=192_000, zero=True,
    )  # fmt: skip
    features: str = option("log_mel", "Features of a frame.", choices=("log_mel", "mfcc"))
    bands: int = option(40, "Mel filters.", minimum=2, maximum=512, sweep=[40, 80])
    coefficients: int = option(13, "Cepstral coefficients.", minimum=2, maximum=512, needs="features=mfcc")
    window: float = option(0.025, "Length of a frame, in seconds.", minimum=0.001, maximum=1)
    hop: float = option(0.01, "Time from one frame to the next, in seconds.", minimum=0.001, maximum=1)
    normalize: str = option(
        "features", "Normalise the mean and deviation of each feature over a recording; or the volume alone, for "
        "recordings as short as a word.", choices=("features", "volume", "none"),
    )  # fmt: skip
    mask_bands: int = option(2, "SpecAugment: frequency bands that training masks; 0: none.", minimum=0, maximum=10)
    mask_band: int = option(6, "Maximum width of a masked band.", minimum=1, needs="mask_bands")
    mask_stretches: int = option(2, "SpecAugment: stretches of frames that training masks.", minimum=0, maximum=10)
    mask_stretch: int = option(10, "Maximum length of a masked stretch, in frames.", minimum=1, needs="mask_stretches")

    def __post_init__(self):
        super().__post_init__()
        if self.features == "mfcc" and self.coefficients > self.bands:
            raise ValueError(
                f"--coefficients={self.coefficients}: {self.bands} mel filters, --bands, have no more than "
                f"{self.bands} cepstral coefficients."
            )


@dataclasses.dataclass(frozen=True)
class Perturbation(Config):
    """Perturbation."""

    shapes = False

    speed: float = option(
        0.1, "Maximum change of a recording's speed in training; 0.1: from 10% slower to 10% faster.", minimum=0,
        maximum=0.5,
    )  # fmt: skip
    noise: float = option(
        10.0,
        "Lowest signal-to-noise ratio of the noise that training adds, in dB; 0: no noise.",
        minimum=0,
        maximum=1000,
    )


@dataclasses.dataclass(frozen=True)
class Units(Config):
    """Units."""

    tokenizer: str = option(
        "characters",
        "Unit of text: characters; words and punctuation; tokens separated by spaces, plus line ends; subwords learned "
        "from the training text.",
        choices=UNITS,
    )
    vocabulary: int = option(
        0, "Maximum number of tokens, the most frequent ones; 0: all (for subwords 8000).", minimum=0
    )
    min_count: int = option(
        1, "Tokens seen less often in training than this are unknown.", minimum=1,
        needs="tokenizer=characters|words|whitespace",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Recurrent(Config):
    """Recurrent layers."""

    rnn: str = option(
        "bilstm", "Kind of recurrent layer (see --list).", choices=RNNS, needs="layers", sweep=["bilstm", "bigru"]
    )
    units: int = option(128, "Units of each layer (and direction).", minimum=1, needs="layers", sweep=[64, 128, 200])
    layers: int = option(
        2, "Layers in the stack; 0: none, so that --pooling reads a bag of words.", minimum=0, sweep=[1, 2, 3]
    )
    activation: str = option(
        "tanh",
        "Activation of the candidate state; anything but tanh rules out cuDNN.",
        choices=("tanh", "relu", "relu6", "crelu", "elu", "softplus", "softsign"),
        needs="layers",
    )
    dropout: float = option(
        0.33,
        "Dropout of the input of each layer after the first and of the last output.",
        minimum=0,
        maximum=0.95,
        sweep=[0.2, 0.33, 0.5],
    )
    variational: bool = option(
        True, "Lock dropout: one mask for all steps of a sequence (Gal & Ghahramani, 2016).",
        needs=("dropout", "input_dropout"),
    )  # fmt: skip
    recurrent_dropout: float = option(
        0.0, "Dropout of the state, with one mask per sequence; rules out cuDNN.", minimum=0, maximum=0.95,
        needs="layers",
    )  # fmt: skip
    weight_drop: float = option(
        0.0, "Dropout of the recurrent kernels' weights, with one mask per batch (Merity et al., 2018).", minimum=0,
        maximum=0.95, needs="layers",
    )  # fmt: skip
    residual: bool = option(
        False, "Add each layer's input to its output, from the second layer on.", needs=("layers>1", "encoder_layers>1")
    )
    layer_norm: bool = option(False, "Normalise each layer's output.", needs="layers")

    def __post_init__(self):
        super().__post_init__()
        for rnn, units in self._stacks():
            name, wide = getattr(self, rnn), getattr(self, units)
            if self.weight_drop and not RNNS.trait(name, "recurrent_kernel", True):
                raise ValueError(f"--weight_drop needs a recurrent kernel, which --{rnn}={name} does not have.")
            if self.activation == "crelu" and wide % 2:
                raise ValueError(f"--activation=crelu needs an even number of units. Received: --{units}={wide}")

    def _stacks(self):
        """Yields the option names of each stack: its kind of layer and its units."""
        return [("rnn", "units")]

    def check_forward(self) -> None:
        """Raises a ValueError unless the layers read forward, as predicting the next step requires."""
        if not self.layers:
            raise ValueError("--layers should be at least 1 for this task. Received: 0")
        if RNNS.trait(self.rnn, "bidirectional", False):
            raise ValueError(
                f"--rnn={self.rnn} reads in both directions, but this task predicts a step from the steps before it: "
                "choose a layer that reads forward."
            )


@dataclasses.dataclass(frozen=True)
class Machine(Config):
    """Neural Turing Machine."""

    controller: str = option(
        "lstm", "Recurrent layer that controls the heads; none: a feed-forward one.", choices=RNNS, needs="rnn=ntm",
        sweep=["lstm", "none"],
    )  # fmt: skip
    rows: int = option(128, "Rows of the memory.", minimum=3, needs="rnn=ntm", sweep=[64, 128, 256])
    width: int = option(20, "Width of a row.", minimum=1, needs="rnn=ntm", sweep=[10, 20, 40])
    read_heads: int = option(1, "Heads that read.", minimum=1, needs="rnn=ntm", sweep=[1, 2, 4])
    write_heads: int = option(1, "Heads that write.", minimum=1, needs="rnn=ntm")
    shift: int = option(1, "Maximum rows that a head moves in a step.", minimum=0, needs="rnn=ntm")


@dataclasses.dataclass(frozen=True)
class Softmax(Config):
    """Softmax."""

    softmax: str = option(
        "full", "Output over a large vocabulary. sampled: training scores the targets and some negatives (Jean et al., "
        "2015); adaptive: rare tokens have narrow vectors and are scored seldom (Grave et al., 2017). Scores and "
        "answers are exact.", choices=("full", "sampled", "adaptive"), sweep=["full", "sampled", "adaptive"],
    )  # fmt: skip
    negatives: int = option(
        1000, "Negatives that all positions of a batch share, drawn by frequency.", minimum=1,
        needs="softmax=sampled", shapes=False, sweep=[250, 1000, 4000],
    )  # fmt: skip
    cutoffs: str = option(
        "", "Ranks by frequency at which the clusters of an adaptive softmax begin, joined by +, such as 2000+20000. "
        "Empty: where 80% and 95% of the training data are covered.", needs="softmax=adaptive",
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        try:
            ranks = [int(part) for part in self.cutoffs.split("+") if self.cutoffs]
        except ValueError:
            ranks = [0]
        if ranks != sorted({*ranks}) or min(ranks, default=1) < 1:
            raise ValueError(
                f"--cutoffs should be rising numbers joined by +, such as 2000+20000. Received: {self.cutoffs!r}"
            )

    def of_model(self, counts: Sequence[int] | None) -> dict:
        """Returns the arguments of `models.language_model`, given how often each id occurs in training."""
        if self.softmax != "adaptive":
            return {}
        cutoffs = tuple(map(int, filter(None, self.cutoffs.split("+"))))
        return {"adaptive": True, "cutoffs": cutoffs, "counts": counts}

    def of_training(self, counts: Sequence[int] | None) -> dict:
        """Returns the arguments of `models.on_targets` and `streamed`.

        Raises:
            ValueError: there are as many negatives as ids.
        """
        if self.softmax != "sampled":
            return {}
        if self.negatives >= len(counts):
            raise ValueError(
                f"--negatives should be fewer than the {len(counts):,} ids of the vocabulary, or use --softmax=full. "
                f"Received: {self.negatives}"
            )
        return {"negatives": self.negatives, "counts": counts}


@dataclasses.dataclass(frozen=True)
class Convolution(Config):
    """Convolution before the recurrent layers."""

    filters: int = option(0, "Filters of a convolution over time; 0: none.", minimum=0, sweep=[32, 64, 128])
    kernel_size: int = option(9, "Steps that a filter sees.", minimum=1, needs="filters", sweep=[5, 9, 15, 25])


@dataclasses.dataclass(frozen=True)
class PooledConvolution(Convolution):
    """Convolution before the recurrent layers."""

    pool: int = option(
        1, "Steps of the convolution that max pooling joins into one; 1: no pooling.", minimum=1, needs="filters"
    )


@dataclasses.dataclass(frozen=True)
class EncoderDecoder(Recurrent):
    """Encoder-decoder; the options of recurrent layers are the decoder's."""

    rnn: str = default(Recurrent, rnn="lstm", sweep=["lstm", "gru"])
    dim: int = option(64, "Width of the embeddings.", minimum=1)
    encoder: str = option("bilstm", "Kind of recurrent layer of the encoder (see --list).", choices=RNNS, needs="rnn")
    encoder_units: int = option(64, "Units of each layer (and direction) of the encoder.", minimum=1)
    encoder_layers: int = option(1, "Layers of the encoder.", minimum=1, sweep=[1, 2])
    attention: str = option(
        "additive",
        "Attention scores of Bahdanau et al. (additive), Luong et al. (dot, general, concat, location) or Chorowski et "
        "al. (convolutional); none: the decoder sees only the encoder's final states.",
        choices=("additive", "dot", "general", "concat", "location", "convolutional", "none"),
        sweep=["additive", "general"],
    )
    attention_units: int = option(
        128, "Width of attention scores with a hidden layer.", minimum=1,
        needs="attention=additive|concat|convolutional",
    )  # fmt: skip
    local: str = option(
        "", "Attend to a window around the step's own position, or around a predicted one; empty: to all tokens.",
        choices=("", "monotonic", "predictive"), needs="attention",
    )  # fmt: skip
    attention_window: int = option(10, "Tokens on each side that local attention sees.", minimum=1, needs="local")
    coverage: bool = option(
        False, "Let attention scores depend on the attention so far (Tu et al., 2016).",
        needs="attention=additive|concat|convolutional",
    )  # fmt: skip
    input_feeding: bool = option(
        False, "Feed the attentional state into the next step (Luong et al., 2015).", needs="attention"
    )
    copy: bool = option(
        False, "Let the decoder copy words of the source, even unknown ones: a pointer-generator (See et al., 2017).",
        needs="attention",
    )  # fmt: skip
    coverage_loss: float = option(
        0.0, "Weight of the coverage loss, which penalises repeated attention (See et al., 2017: 1).", minimum=0,
        maximum=100, needs="attention",
    )  # fmt: skip
    context: str = option(
        "state", "Without attention: the source only initialises the state, or is also an input of each step.",
        choices=("state", "step"), needs="attention=none",
    )  # fmt: skip
    tied: bool = option(True, "Share one table between target embeddings and output (Press & Wolf, 2017).")
    input_dropout: float = option(0.1, "Dropout of the embeddings.", minimum=0, maximum=0.95)

    def __post_init__(self):
        super().__post_init__()
        self.check_forward()
        both = self.rnn != "none" and RNNS.trait(self.encoder, "bidirectional", False)
        width = self.encoder_units * (2 if both else 1)
        if self.attention == "dot" and width != self.units:
            raise ValueError(
                f"--attention=dot needs an encoder as wide as the decoder: --units={self.units}, but the encoder's "
                f"output has width {width}{f', 2 x {self.encoder_units}' if both else ''}. --attention=general takes "
                "any widths."
            )

    def _stacks(self):
        return [*super()._stacks(), ("encoder", "encoder_units")]


@dataclasses.dataclass(frozen=True)
class Scoring(Config):
    """Scores."""

    rank: bool = option(
        False, "Treat the lines as alternatives: list them by probability, each with its share of the total. ' / ' may "
        "separate those of a single line."
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Ensemble(Config):
    """Ensembles."""

    ensemble: str = option(
        "", "Folders of other runs with the same vocabularies, separated by commas, to average with. --mode=compare "
        "averages them with the second run.", path=True
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Decoding(Ensemble):
    """Decoding."""

    beam: int = option(5, "Width of the beam search; 1: greedy decoding.", minimum=1)
    length_penalty: float = option(
        1.0, "alpha of Wu et al. (2016): above 0, longer outputs are favoured.", minimum=-2, maximum=10,
        needs=("beam>1", "n_best>1"),
    )  # fmt: skip
    coverage_penalty: float = option(
        0.0,
        "beta of Wu et al. (2016): above 0, outputs that ignore parts of the source are penalised.",
        minimum=0,
        maximum=100,
        needs=("beam>1", "n_best>1"),
    )
    block_ngrams: int = option(0, "Let no n-gram of this length occur twice in an output; 0: off.", minimum=0)
    longest_ratio: float = option(
        2.0,
        "Maximum length of an output: this many times the length of the source, plus ten tokens; or the length of the "
        "longest target in training, if that is larger. In summarization always the latter.",
        minimum=0,
        maximum=1000,
    )
    replace_unknown: bool = option(
        True, "Replace an unknown word by the source word that it attends to; otherwise unknown words are left out."
    )


@dataclasses.dataclass(frozen=True)
class Rescoring(Config):
    """Rescoring."""

    language_model: str = option(
        "", "Run of --task=language_model, a folder or zoo:NAME, that reorders the best answers of the beam search.",
        path=True, needs=("beam>1", "n_best>1"),
    )  # fmt: skip
    language_model_weight: float = option(
        0.3, "Weight of its log-probabilities, which are added to the scores of the search.", minimum=0, maximum=100,
        needs="language_model",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Training(Config):
    """Training."""

    shapes = False

    init_from: str = option(
        "", "Run to start from, a folder or zoo:NAME: its weights, its vocabularies and the options that shape its "
        "model. Labels that it lacks are learned anew. A task that reads words can also start from a language model, "
        "or from two, joined by a comma, one trained with --reverse.", path=True,
    )  # fmt: skip
    unfreeze_every: int = option(
        0, "Epochs between two steps of gradual unfreezing, which first trains what is above the recurrent layers and "
        "then adds one layer a step, from the top down (Howard & Ruder, 2018); 0: train all from the beginning.",
        minimum=0, needs="init_from",
    )  # fmt: skip
    layer_decay: float = option(
        1.0, "Learning rate of each recurrent layer as a share of that of the layer above it (Howard & Ruder, 2018: "
        "0.38); the embeddings are the lowest layer.", minimum=0.001, maximum=1, needs="init_from",
        sweep=[1.0, 0.6, 0.38],
    )  # fmt: skip
    epochs: int = option(40, "Passes over the training data.", minimum=1)
    optimizer: str = option(
        "adam", "Optimizer by its Keras name; adam updates only the embeddings in the batch.", choices=OPTIMIZERS
    )
    learning_rate: float = option(2e-3, "Peak learning rate.", minimum=0.0, maximum=100, sweep=(5e-4, 5e-3))
    schedule: str = option("cosine", "How the learning rate decays over the run.", choices=SCHEDULES)
    warmup: float = option(0.0, "Epochs over which the learning rate rises from 0.", minimum=0, maximum=1e6)
    decay_rate: float = option(
        0.5, "Factor of exponential decay, or rate of inverse-time decay, per --decay_epochs.", minimum=0, maximum=100,
        needs="schedule=exponential|inverse_time",
    )  # fmt: skip
    decay_epochs: float = option(
        10.0, "Epochs between two steps of exponential or inverse-time decay.", minimum=1e-6, maximum=1e6,
        needs="schedule=exponential|inverse_time",
    )  # fmt: skip
    weight_decay: float = option(0.0, "Decoupled weight decay.", minimum=0, maximum=1)
    clip_norm: float = option(1.0, "Clip gradients to this global norm; 0: off.", minimum=0, maximum=1e9)
    clip_value: float = option(0.0, "Clip each gradient value to this size; 0: off.", minimum=0, maximum=1e9)
    average: float = option(
        0.999,
        "Decay of the moving average of the weights, which is evaluated and saved; 0: off.",
        minimum=0,
        maximum=0.999999,
    )
    evaluate_every: int = option(1, "Epochs between two evaluations on valid; the last is always evaluated.", minimum=1)
    patience: int = option(0, "Stop after this many epochs without a better score; 0: never.", minimum=0)
    checkpoint_minutes: float = option(
        10.0,
        "Minutes between two checkpoints within an epoch; 0: only at the end of each epoch.",
        minimum=0,
        maximum=1e6,
    )
    precision: str = option(
        "float32",
        "Precision of the layers: float32, or 16 bits with float32 weights, losses, softmax and CRF, for a GPU, a TPU "
        "or, with mixed_bfloat16, a CPU with AMX.",
        choices=PRECISIONS,
    )
    accumulate: int = option(
        1,
        "Batches whose gradients are averaged before a step; without --weigh_batches each has the same weight, "
        "whatever its size. Batches left over after the last epoch are not used.",
        minimum=1,
    )
    weigh_batches: bool = option(
        False,
        "Weigh the gradient of each batch by its number of labelled tokens or sequences, relative to the mean over an "
        "epoch; otherwise a small batch counts as much as a large one.",
        sweep=[False, True],
    )


@dataclasses.dataclass(frozen=True)
class Labels(Config):
    """Labels."""

    shapes = False

    label_weights: str = option(
        "",
        "Weights of labels in the loss, such as B-PER=2,O=0.5; others have weight 1. With a CRF, a sentence is "
        "weighted by the mean over its labels.",
    )

    def __post_init__(self):
        super().__post_init__()
        label_weights(self.label_weights)  # refused before any data is read


@dataclasses.dataclass(frozen=True)
class Sampling(Config):
    """Sampling."""

    samples: int = option(1, "Number of samples, drawn in parallel.", minimum=1)
    temperature: float = option(
        1.0,
        "Divisor of the logits: below 1, likely tokens become likelier; 0: always the likeliest.",
        minimum=0.001,
        zero=True,
    )
    top_k: int = option(0, "Sample from the k likeliest tokens only; 0: from all.", minimum=0, needs="temperature")
    top_p: float = option(
        1.0, "Sample from the likeliest tokens that together have this probability.", minimum=0.0001, maximum=1,
        needs="temperature",
    )  # fmt: skip
    seed: int = option(0, "Seed of the samples.", minimum=0)


@dataclasses.dataclass(frozen=True)
class Exporting(Config):
    """Export."""

    format: str = option(
        "savedmodel",
        "Format of the exported model: a SavedModel takes texts and needs TensorFlow alone; LiteRT (formerly "
        "TensorFlow Lite) and ONNX models take ids. run: a copy of the run to share, with 16-bit weights.",
        choices=FORMATS,
    )
    length: int = option(
        64, "Tokens, frames or samples that a LiteRT model reads, padded by the caller.", minimum=1,
        needs="format=litert",
    )  # fmt: skip
    about: str = option(
        "", "JSON file with facts for the model card that are not in the run, such as the licence of the data: see "
        "seqzoo/README.md. Empty: about.json in the run's folder, if there is one.", path=True,
    )  # fmt: skip
    quantize: str = option(
        "none", "Weights of 32 or 16 bits; or int8 matrix products, whose answers differ a little.",
        choices=QUANTIZE, needs="format=litert",
    )  # fmt: skip
    out: str = option("", "Folder of the exported run. Empty: export-FORMAT in the run's folder.", path=True)


@dataclasses.dataclass(frozen=True)
class Writing(Config):
    """Answers of arrays."""

    answer_length: int = option(
        0, "Maximum tokens of an answer that the exported model writes as ids, by greedy decoding; 0: as many as the "
        "longest answer of training, if that is known, and at least 64.", minimum=0,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Comparing(Config):
    """Comparison of two runs."""

    split: str = option(
        "",
        "Split whose answers are compared. Empty: valid; for other data, test or all.",
        choices=("", "valid", "test"),
    )
    samples: int = option(
        SAMPLES, "Bootstrap samples, and exchanges of answers; more give finer p-values.", minimum=100,
        maximum=1_000_000,
    )  # fmt: skip
    shown: int = option(3, "Examples to show on which either run is ahead the most.", minimum=0)


@dataclasses.dataclass(frozen=True)
class Serving(Config):
    """Server."""

    port: int = option(8000, "Port of the server; 0: any free port.", minimum=0, maximum=65535)
    host: str = option(
        "127.0.0.1", "Address of the server: by default for this machine only; 0.0.0.0 for all its networks. Whoever "
        "reaches the server can use it."
    )  # fmt: skip
    max_texts: int = option(256, "Maximum texts of a request, and of requests that are answered together.", minimum=1)
    max_characters: int = option(10_000, "Maximum characters of a request, all its texts together.", minimum=1)
    max_megabytes: float = option(
        16.0, "Maximum size of the files of a request together, for tasks that read files.", minimum=0.001, maximum=1e4
    )


def source(config: Data) -> dict:
    """Returns the arguments of a dataset's reader."""
    columns = parse_columns(config.columns)
    arguments = {"data_dir": config.data_dir or None, "name": config.name or None, "columns": columns}
    if check_encoding(config.text_encoding) != "utf-8":
        if "encoding" in inspect.signature(DATASETS[config.dataset]).parameters:
            arguments["encoding"] = config.text_encoding
        elif not getattr(config, "vectors", ""):
            raise ValueError(
                f"--text_encoding is for datasets of text files, and --dataset={config.dataset} reads none. "
                f"Received: {config.text_encoding!r}"
            )
    for name in READERS:
        if value := getattr(config, name, None):
            if name not in inspect.signature(DATASETS[config.dataset]).parameters:
                raise ValueError(f"--{name} is for --dataset={READERS[name]}. Received: --dataset={config.dataset}")
            arguments[name] = value
    if "picture_size" in inspect.signature(DATASETS[config.dataset]).parameters:  # also shapes what predictions read
        arguments["picture_size"] = getattr(config, "picture_size", 0)
    return arguments


def parse_columns(text: str) -> dict[str, int | str] | None:
    """Parses ``"tokens=0,ner=-1"`` into {feature: index or name of its column}; "" into None.

    Raises:
        ValueError: not of this form, a feature without a column, or one that is given twice.
    """
    columns = {}
    for part in text.split(",") if text else ():
        feature, _, column = (side.strip() for side in part.partition("="))
        if not feature or not column or re.fullmatch("[-+]{2,}[0-9]+", column):
            raise ValueError(
                f"--columns should be like tokens=0,ner=-1 or text=review,label=stars; {part!r} is not FEATURE=COLUMN. "
                f"Received: {text!r}"
            )
        if feature in columns:
            raise ValueError(f"--columns gives {feature} twice. Received: {text!r}")
        columns[feature] = int(column) if re.fullmatch("-?[0-9]+", column) else column
    return columns or None


def label_weights(text: str) -> dict[str, float]:
    """Parses ``"B-PER=2,O=0.5"`` into {label: weight}.

    Raises:
        ValueError: not of this form, or a weight that is negative or not finite.
    """
    weights = {}
    for part in filter(None, text.split(",")):
        label, _, weight = part.partition("=")
        try:
            weights[label.strip()] = float(weight)
        except ValueError:
            raise ValueError(f"--label_weights should be like B-PER=2,O=0.5. Received: {text!r}") from None
        if not 0 <= weights[label.strip()] <= 1e6:
            raise ValueError(f"--label_weights should be numbers from 0 to 1e6. Received: {text!r}")
    return weights


def unescaped(name: str, text: str) -> str:
    r"""Returns the value of the option `name` with escape sequences such as \n replaced by their characters.

    Raises:
        ValueError: an incomplete escape sequence, such as a backslash at the end.
    """
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"--{name}: a backslash begins an escape such as \\n; a real one is \\\\. Received: {text!r}"
        ) from error
