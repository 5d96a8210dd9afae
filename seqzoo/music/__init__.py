"""Music: scores, MIDI files, the representations that a model reads and writes; names, keys and statistics for people.

Times are fractions of a quarter note, so that triplets are exact. A representation cuts time into steps and has an
inverse, which returns the score on that grid (`quantize`), without what the representation leaves out:

    representation   a piece is                                   leaves out                    source
    frames           the set of pitches that sound in each step   voices, velocities            [1]
    voices           one pitch per voice and step                 velocities                    [2]
    skyline          the highest pitch of each step               lower notes, velocities       [5]
    events           note on, note off, time shift, velocity      voices; velocities: 32 bins   [3] [4]

Onsets are kept beside frames and voices: without them two successive equal notes become one. `encodings` turns
these representations into the ids of a model; there the skyline is the encoding "melody", a token per step.

[1] Boulanger-Lewandowski et al. (2012), Modeling Temporal Dependencies in High-Dimensional Sequences.
    https://arxiv.org/abs/1206.6392
[2] Hadjeres et al. (2017), DeepBach: a Steerable Model for Bach Chorales Generation. https://arxiv.org/abs/1612.01010
[3] Simon & Oore (2017), Performance RNN. https://magenta.tensorflow.org/performance-rnn
[4] Oore et al. (2018), This Time with Feeling: Learning Expressive Musical Performance.
    https://arxiv.org/abs/1808.03715
[5] Waite (2016), Generating Long-Term Structure in Songs and Stories (Melody RNN: note-on, no event, note-off).
    https://magenta.tensorflow.org/2016/07/15/lookback-rnn-attention-rnn
"""

from seqzoo.music.midi import read_midi, write_midi
from seqzoo.music.score import SIXTEENTH, Note, Score, cut, quantize, transpose

__all__ = ["SIXTEENTH", "Note", "Score", "cut", "quantize", "read_midi", "transpose", "write_midi"]
