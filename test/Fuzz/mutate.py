"""Changes of a program's text, of which many still parse: `make fuzz`.

A change that keeps a program's parts in step (one size everywhere, one type
everywhere) gets past the verifier and into the passes; a change of a single token
tries the parser and the verifier.
"""

import re

TOKEN = re.compile(r'"[^"\n]*"|[%@#^!]?[A-Za-z_][\w$.]*|[%#^]\d+|-?\d+\.\d+(?:[eE][+-]?\d+)?|->|::|\d+|\S')
DIMENSION = re.compile(r"(?<=[<x])(\d+|\?)(?=x)")
ELEMENT = re.compile(r"(?<![a-wyz<_])(?:complex<f(?:32|64)>|bf16|f16|f32|f64)(?=[>\s,)])")
SIZES = ["0", "1", "2", "3", "5", "7", "8", "16", "17", "33", "100", "257", "1024", "?"]
ELEMENTS = ["f16", "bf16", "f32", "f64", "complex<f32>", "complex<f64>", "i32", "index"]
INTEGERS = ["0", "1", "-1", "2", "3", "7", "63", "1000", "4294967296", "9223372036854775807", "-9223372036854775808"]


def one_size_everywhere(text, rng):
    sizes = sorted(set(DIMENSION.findall(text)))
    if not sizes:
        return text
    old, new = rng.choice(sizes), rng.choice(SIZES)
    return DIMENSION.sub(lambda match: new if match.group() == old else match.group(), text)


def one_size_once(text, rng):
    places = list(DIMENSION.finditer(text))
    return replace(text, rng.choice(places), rng.choice(SIZES)) if places else text


def one_type_everywhere(text, rng):
    types = sorted(set(ELEMENT.findall(text)))
    if not types:
        return text
    old, new = rng.choice(types), rng.choice(ELEMENTS)
    return ELEMENT.sub(lambda match: new if match.group() == old else match.group(), text)


def one_type_once(text, rng):
    places = list(ELEMENT.finditer(text))
    return replace(text, rng.choice(places), rng.choice(ELEMENTS)) if places else text


def an_integer(text, rng):
    places = list(re.finditer(r"(?<![\w.%#^])-?\d+(?![\w.])", text))
    return replace(text, rng.choice(places), rng.choice(INTEGERS)) if places else text


def swap_tokens(text, rng):
    """Two tokens of one kind change places: two values, two maps, two words."""
    tokens = list(TOKEN.finditer(text))
    if not tokens:
        return text
    first = rng.choice(tokens)
    alike = [token for token in tokens if kind(token) == kind(first) and token.group() != first.group()]
    if not alike:
        return text
    second = rng.choice(alike)
    first, second = sorted((first, second), key=lambda token: token.start())
    return (text[:first.start()] + second.group() + text[first.end():second.start()] + first.group() +
            text[second.end():])


def drop_token(text, rng):
    tokens = list(TOKEN.finditer(text))
    return replace(text, rng.choice(tokens), "") if tokens else text


def drop_line(text, rng):
    lines = text.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return "".join(lines)


def repeat_line(text, rng):
    lines = text.splitlines(keepends=True)
    place = rng.randrange(len(lines))
    lines.insert(place, lines[place])
    return "".join(lines)


CHANGES = [
    one_size_everywhere, one_size_everywhere, one_type_everywhere, one_type_everywhere, one_size_once, one_type_once,
    an_integer, swap_tokens, swap_tokens, drop_token, drop_line, repeat_line
]


def kind(token):
    text = token.group()
    return text[0] if text[0] in '%@#^!"' else "word" if text[0].isalpha() else "number" if text[-1].isdigit() else text


def replace(text, place, new):
    return text[:place.start()] + new + text[place.end():]


def mutate(text, rng):
    """`text` after one to three changes."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        if text.strip():
            text = rng.choice(CHANGES)(text, rng)
    return text
