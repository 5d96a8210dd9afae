"""The casing of a word as a small number, which lower-cased word vectors lose."""

CASES = ("padding", "lower", "upper", "initial", "mixed", "numeric", "digit", "other")


def casing(token: str) -> int:
    """Returns the class of a token's casing, an index into `CASES`: the "caps" feature of a tagger.

    | class     | tokens                                                       | examples            |
    |-----------|--------------------------------------------------------------|---------------------|
    | `padding` | the empty token                                              |                     |
    | `lower`   | letters, all lower case                                      | `of`, `re-elect`    |
    | `upper`   | letters, all upper case                                      | `EU`, `U.S.`, `I`   |
    | `initial` | letters, only the first character in upper case              | `Peter`, `Al-ayn`   |
    | `mixed`   | letters, any other use of case                               | `McCoy`, `iPhone`   |
    | `numeric` | digits, no letters                                           | `1996-08-22`, `$5`  |
    | `digit`   | digits and letters                                           | `F16`, `3rd`        |
    | `other`   | neither: punctuation; or letters of a script without case    | `--`, `東京`        |

    Sources: Collobert et al., 2011, Natural Language Processing (Almost) from Scratch, section 4.1.2 (caps feature);
    Chiu and Nichols, 2016, Named Entity Recognition with Bidirectional LSTM-CNNs, section 2.3.
    """
    return CASES.index(_case(token))


def _case(token):
    if not token:
        return "padding"
    letters = any(character.isalpha() for character in token)
    if any(character.isdigit() for character in token):
        return "digit" if letters else "numeric"
    if token.islower():
        return "lower"
    if token.isupper():
        return "upper"
    if token[0].isupper() and not any(character.isupper() for character in token[1:]):
        return "initial"
    return "mixed" if token.lower() != token.upper() else "other"
