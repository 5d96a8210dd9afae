"""Short reviews of films, books, hotels, meals and phones, from a small grammar that knows their meaning.

Whether a review is positive or negative depends on the order of its words and not on the words themselves: "the
plot was dull, but I love this film" praises, "I love the plot, but this film was dull" does not. Each rule of
`GRAMMAR` is one rule of meaning, written once for both labels:

    CLAIM: 3 THIS IS ADJ+ | THIS IS far from ADJ-

    ADJ+ means what the CLAIM means      praise: "this film is superb", blame: "this film is awful"
    ADJ- means the opposite of it        praise: "... is far from awful", blame: "... is far from superb"
    PART, THIS                           have no sign: they express no opinion
    3                                    this alternative is three times as likely as one without a number
    good/bad                             words of opinion come in pairs, positive/negative
    far! from! ADJ-                      a word with ! reverses the meaning, or affirms it, as "very!" does
    (PARTLY-) , but? WHOLE+              an opinion in parentheses is conceded and does not decide; ? marks such words

So the signs on the path from a review to a word multiply. The rules of meaning, in the order of the grammar:

    negation      reverses its scope: "not dull", "far from dull", "fails to annoy"; twice, it does nothing
    doubt         "I doubt that", "nobody can say that", "whoever says that ... is wrong" reverse a whole clause
    the past      "used to be dull" and "I expected it to be dull, but I was wrong" describe what is no longer true
    the unreal    "would have been dull if" means that it was not; with "even if", the rest of the sentence is real
    comparison    which is better: "this film is better than ..." or "... is better than this film"
    contrast      what follows "but" decides, or the main clause, wherever "although" or "despite" occurs
    verdict       of several sentences the one about the whole decides ("All in all, ..."; "True, ..." concedes a point)

So the words that decide a label are known: those of opinion and those with !, outside of parentheses. In "the plot was
great, but this film is not clever" they are "not" and "clever". `annotated` gives their positions.

Each review has a twin, the same random choices with the other sense, which shows why counting words does not help: all
other words are the same in both, and the weights make each pair about as frequent under "+" as under "-". Plain "not"
only precedes mild words, because "not awful" could be read either way.
"""

import functools
import random
import re
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated, split_by_key

GRAMMAR = """
TEXT: 3 WHOLE+ . | 2 PARTLY+ . | 6 BELIEF+ . | 2 PAST+ . | 2 UNREAL+ . | 3 COMPARED+ . | 6 CONTRAST+ . | 4 VERDICT+

WHOLE: 3 THIS PRED+ | 4 THIS IS VERY OWN+ | THIS ISNT OWN- | THIS IS hardly! OWN- | THIS ISNT at all OWN- | 3 LIKING+
PARTLY: the PART PRED+
PRED: 6 IS VERY MILD+ | 2 IS SIMPLY STRONG+ | IS a NOUN+ | IS MILD+ and even STRONG+ | IS both! MILD+ and MILD+ |
    4 ISNT MILD- | IS never! MILD- | 2 IS far! from! ADJ- | 2 IS anything! but! ADJ- | IS by no! means ADJ- |
    IS neither! MILD- nor! MILD- | IS more MILD+ than! MILD- | IS STRONG+ rather! than! MILD- |
    IS anything! but! a NOUN- | MANAGES to PLEASE+ US | never! FAILS to PLEASE+ US | FAILS to PLEASE- US |
    DOES not! PLEASE- US
LIKING: I will always! LIKE+ THIS | you are going! to LIKE+ THIS | it is easy! to LIKE+ THIS |
    it is hard! not! to LIKE+ THIS | it is impossible! not! to LIKE+ THIS | 2 it is impossible! to LIKE- THIS |
    it is hard! to LIKE- THIS | I cannot! understand why anyone would LIKE- THIS | nobody! could LIKE- THIS

BELIEF: 2 SURE that FACT+ | 3 DOUBT that FACT- | WHO says that FACT+ is right! | 2 WHO says that FACT- is WRONG |
    OTHERS told me that FACT+ , and they were right! | 2 OTHERS told me that FACT- , but they were WRONG |
    OTHERS told me that FACT- , which is not! true! | nobody! would call THIS OWN- |
    only! a fool! would call THIS ADJ- | only! a fool! would not! call THIS OWN+ |
    anyone but! a fool! would call THIS ADJ+ | the last! thing I would call THIS is OWN- |
    those who call THIS ADJ+ are not! WRONG
FACT: 4 THIS IS OWN+ | the PART IS MILD+ | THIS ISNT OWN- | the PART ISNT MILD-
SURE = I_think! I_am_sure! there_is_no!_doubt! nobody!_can_deny! I_cannot!_deny! I_would_never!_doubt! it_is_true!
    we_all_agree!
DOUBT = I_don't!_think! I_do_not!_believe! nobody!_can_say! it_is_not!_true! it_would_be_wrong!_to_say I_doubt!
    we_all_deny!
WHO = whoever anyone_who everyone_who
WRONG = wrong! mistaken!

PAST: 2 OLD used! to be ADJ- | I used! to find THIS ADJ- | I no! longer! find THIS OWN- | 2 I still! find THIS OWN+ |
    OLD used to be ADJ+ , and it still! is | I used to find THIS OWN+ , and I still! do |
    2 I EXPECTED THIS to be ADJ- , but I was WRONG | I EXPECTED THIS to be ADJ+ , and I was right! |
    I EXPECTED a (ADJ-) THING , but? this one is OWN+
EXPECTED = expected had_expected

UNREAL: 2 THIS would! have been ADJ- if! the PART had been (MILD-) |
    THIS would have been ADJ+ even! if the PART had been (MILD-) |
    without! the (ADJ+) PART , THIS would! have been OWN- | THIS would be ADJ+ even! without the (ADJ+) PART |
    THIS could? have been (ADJ-) , but? it turned out OWN+

COMPARED: this THING is MUCH BETTER+ than! almost! any! other! | almost! any! other! THING is BETTER- than! this one |
    I have never! come across a BETTER+ THING | the average! THING is MUCH BETTER- than! this one |
    hardly! any! other! THING is BETTER+ than! this one | every! other! THING I know is BETTER- |
    this THING could not! be BETTER+ | nothing! could be BETTER+ than! this THING |
    this THING is as MILD+ as the last? one was (MILD-) | the last? THING was as (MILD-) as this one is MILD+ |
    unlike? the (ADJ-) one before , this THING is OWN+ | unlike! this THING , the last one was MILD-
MUCH = much far a_lot clearly

CONTRAST: 2 (PARTLY-) , but? WHOLE+ | (PARTLY-) , but? PARTLY+ | although? (PARTLY-) , WHOLE+ |
    2 WHOLE+ although? (PARTLY-) | WHOLE+ , even though? (PARTLY-) | despite? the (ADJ-) PART , WHOLE+ |
    WHOLE+ despite? the (ADJ-) PART | however? (MILD-) the PART IS , WHOLE+ |
    not! even? the (ADJ-) PART could! SAVE- THIS | nothing! could! SAVE- THIS |
    in the end the (ADJ+) PART DOES SAVE+ THIS | the (ADJ+) PART alone! is enough! to SAVE+ THIS

VERDICT: 2 (PARTLY-) . (PARTLY+) . ALLINALL , WHOLE+ . | 2 (PARTLY+) . (PARTLY-) . ALLINALL , WHOLE+ . |
    (PARTLY-) . still? , WHOLE+ . | (PARTLY-) . (PARTLY-) . and yet? WHOLE+ . | 2 WHOLE+ . true? , (PARTLY-) . |
    I EXPECTED THIS to be ADJ- . it ISNT . | I EXPECTED THIS to be ADJ+ . and! it IS . |
    OTHERS told me that FACT- . I DISAGREE . | OTHERS told me that FACT+ . they were right! . |
    2 OTHERS told me that WHOLE- . they were WRONG .
ALLINALL = all?_in_all? on_the_whole? in_the_end? overall?
DISAGREE = disagree! do_not!_agree don't!_agree

ADJ: MILD+ | STRONG+
THIS: the THING | 2 this THING
VERY = very! really! rather! pretty! extremely!
SIMPLY = simply! truly! really! absolutely!
US = me us
OTHERS = friends my_parents the_critics my_neighbours some_colleagues
MILD = good/bad pleasant/unpleasant impressive/disappointing nice/nasty satisfying/frustrating enjoyable/irritating
    memorable/forgettable convincing/unconvincing appealing/annoying delightful/tiresome remarkable/mediocre
STRONG = great/terrible excellent/awful superb/dreadful brilliant/horrible wonderful/dismal perfect/abysmal
    outstanding/atrocious fantastic/appalling magnificent/lousy
NOUN = triumph/failure success/disaster pleasure/nuisance delight/disappointment joy/pain treat/letdown
PLEASE = please/annoy impress/bore delight/disappoint satisfy/irritate charm/frustrate
LIKE = like/dislike love/hate enjoy/loathe adore/detest admire/despise
BETTER = better/worse finer/poorer nicer/nastier more_enjoyable/more_irritating more_interesting/more_boring
SAVE = save/spoil rescue/ruin
"""

# What is reviewed (THING), what keeps its name over the years (OLD), its parts, and opinions that fit only it (OWN).
TOPICS = """
THING = film movie
OLD = this_series this_cinema this_director
PART = plot acting ending music dialogue script opening camerawork title
OWN = gripping/dull clever/silly exciting/tedious moving/lifeless original/trite

THING = book novel
OLD = this_author this_magazine this_publisher
PART = plot style ending dialogue opening cover first_chapter translation prologue
OWN = gripping/dull witty/tedious wise/silly absorbing/lifeless readable/unreadable

THING = hotel guesthouse
OLD = this_hotel this_guesthouse
PART = room service breakfast bed pool view garden bathroom lobby
OWN = clean/dirty quiet/noisy cosy/shabby comfortable/uncomfortable cheerful/dreary

THING = meal dinner lunch
OLD = this_restaurant this_cook this_canteen
PART = soup fish dessert wine sauce bread service salad coffee
OWN = tasty/bland fresh/stale appetising/tasteless healthy/greasy hearty/meagre

THING = phone
OLD = this_brand this_shop this_maker
PART = camera screen battery keyboard sound case design charger menu
OWN = fast/slow sturdy/flimsy handy/clumsy reliable/unreliable modern/outdated
"""
TENSES = (
    {"IS": ["is"], "ISNT": ["is not!", "isn't!"], "DOES": ["does"], "MANAGES": ["manages!"], "FAILS": ["fails!"]},
    {"IS": ["was"], "ISNT": ["was not!", "wasn't!"], "DOES": ["did"], "MANAGES": ["managed!"], "FAILS": ["failed!"]},
)
SHARES = {"train": 2, "valid": 1, "test": 1}  # of all texts, of each split


def parse(text: str) -> tuple[dict, dict]:
    """Parses the notation described at the top into ({rule: [(weight, items), ...]}, {list: words})."""
    rules, words = {}, {}
    for line in re.sub(r"\n +", " ", text).split("\n"):
        name, kind, rest = line.partition(": ") if ": " in line else line.partition(" = ")
        if kind == ": ":
            options = [re.fullmatch(r"(\d*) ?(.*)", option.strip()).groups() for option in rest.split(" | ")]
            rules[name] = [(int(weight or 1), items.split()) for weight, items in options]
        elif kind:
            words[name] = [word.replace("_", " ") for word in rest.split()]
    return rules, words


def unmarked(text: str) -> str:
    """Returns the text without the marks of words that decide or concede."""
    return re.sub("[!?()]", "", text)


RULES, WORDS = parse(GRAMMAR)
TOPIC_WORDS = [parse(topic)[1] for topic in TOPICS.split("\n\n")]


@functools.lru_cache(None)
def known(word: str, context: str, split: str) -> bool:
    """Whether `split` uses the word in this context: in training a quarter of the words occur in half of them only."""
    word, context = unmarked(word), unmarked(context)
    late = random.Random(word).random() < 1 / 4
    return split != "train" or not late or random.Random(f"{word} in {context}").random() < 0.5


def expand(rule: str, sense: int, rng: random.Random, words: dict, split: str) -> Iterator[str]:
    """Yields the words of a random text of a rule that means `sense`: 1 for praise, -1 for blame.

    Those that decide it end in "!", those that concede in "?". No random choice depends on `sense`, so the same `rng`
    and the other sense give the twin of a text.
    """
    items = rng.choices(RULES[rule], [weight for weight, _ in RULES[rule]])[0][1]
    for item in items:
        decides, item = not item.startswith("("), item.strip("()")
        name = item.rstrip("+-")
        sign = -sense if item[-1] == "-" else sense
        if name in RULES:
            expanded = expand(name, sign, rng, words, split)
            yield from expanded if decides else (word.replace("!", "?") for word in expanded)
        elif name in words:
            context = " ".join(items)
            choice = rng.choice([word for word in words[name] if known(word, context, split)] or words[name])
            if name == "PART" or "/" in choice:  # no review says the same twice
                for kind in words:
                    words[kind] = [word for word in words[kind] if word != choice]
            good, _, bad = choice.partition("/")
            mark = bad and ("!" if decides else "?")
            yield (good if sign > 0 or not bad else bad).replace(" ", f"{mark} ") + mark
        else:
            yield item


def sample_review(rng: random.Random, sense: int, split: str = "train") -> str:
    """Returns the text of a random review that means `sense`."""
    return unmarked(marked_review(rng, sense, split))


def marked_review(rng: random.Random, sense: int, split: str) -> str:
    """`sample_review` with "!" after each word that decides, and "?" after each that concedes."""
    topic = rng.choice(TOPIC_WORDS)
    words = {**WORDS, **rng.choice(TENSES), **topic}
    words["THING"] = [rng.choice(topic["THING"])]
    words["OWN"] = topic["OWN"] + WORDS["MILD"][:3]
    text = " ".join(expand("TEXT", sense, rng, words, split))
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    text = re.sub(r" ([.,])", r"\1", text)
    return re.sub(r"(^|\. )([a-z])", lambda match: match[0].upper(), text)


def annotated(seed: int, split: str, size: int) -> Iterator[dict]:
    """Yields the reviews of `reviews` with "decisive" and "conceding", lists of (start, end).

    These are the words that decide the label, and those of the opinions that do not, although in this grammar they
    give it away: what follows "despite" is the opposite of the verdict.
    """
    rng = random.Random(f"{seed}-{split}")
    sense, seen = 1, {""}
    for number in range(size):
        sense = -sense if number % 2 else rng.choice((1, -1))  # every second one balances the one before
        text = ""
        while text in seen or split_by_key(text, SHARES) != split:
            marked = marked_review(rng, sense, split)
            text = unmarked(marked)
        seen.add(text)
        spans = {"!": [], "?": []}
        for before, match in enumerate(re.finditer(r"[\w'-]+([!?])", marked)):  # each mark moved the text by one
            spans[match[1]].append((match.start() - before, match.end() - 1 - before))
        label = "positive" if sense > 0 else "negative"
        yield {"text": text, "label": label, "decisive": spans["!"], "conceding": spans["?"]}


@DATASETS.register("reviews")
@generated(dict(train=4000, valid=500, test=500), {"text": str, "label": str}, instead="tsv")
def reviews(seed: int, split: str, size: int) -> Iterator[dict]:
    """Reviews whose sentiment depends on the order of their words; needs no download.

    The reviews of a split differ, and their labels are balanced.

    Args:
        seed: decides the reviews.
        split, size: the split and its number of examples.

    Yields:
        ``{"text": str, "label": "positive" or "negative"}``.
    """
    return ({"text": review["text"], "label": review["label"]} for review in annotated(seed, split, size))
