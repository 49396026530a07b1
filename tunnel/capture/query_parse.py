"""Parse: a filter's text made a tree, checked against the table of fields, with errors that name the column and the cure.

filter  = all {"or" all}          all   = term {["and"] term}
term    = ("not" | "!") term | "(" filter ")" | field compare | word | "quoted text"
compare = operator value | ["not"] "contains" value | ["not"] "in" "(" value {"," value} ")"
"""

from tunnel.capture.fields import FIELDS, Field, Kind, field_of, nearest_field
from tunnel.capture.patterns import Pattern, PatternError
from tunnel.capture.query_tree import OPPOSITES, And, Compare, Not, Op, Or, Tree, Word, quoted
from tunnel.capture.query_values import ValueTrouble, resolve
from tunnel.capture.query_words import QueryError, Token, Words

MOST_TEXT = 10_000  # characters of a filter
MOST_VALUE = 1000  # characters of a value or word
MOST_TERMS = 200  # comparisons, words, and values in lists
MOST_DEPTH = 20  # parentheses and nots within each other; SQLite, too, reads no more than about 30

_ORDERED = (Op.EQUAL, Op.UNEQUAL, Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST, Op.IN)
_TEXTUAL = (Op.EQUAL, Op.UNEQUAL, Op.MATCHES, Op.MATCHES_NOT, Op.CONTAINS, Op.IN)
OPERATORS: dict[Kind, tuple[Op, ...]] = {
    Kind.NUMBER: _ORDERED, Kind.DURATION: _ORDERED, Kind.SIZE: _ORDERED, Kind.TIME: _ORDERED,
    Kind.TEXT: _TEXTUAL, Kind.CHOICE: _TEXTUAL, Kind.FLAG: (Op.EQUAL, Op.UNEQUAL),
}  # fmt: skip

_KINDS = {Kind.CHOICE: "one of some words", Kind.FLAG: "yes or no", Kind.NUMBER: "a number"}

_AND, _OR, _NOT = ("and", "&&"), ("or", "||"), ("not",)
# Operators in other languages' words. Behind the name of a field they are no search for that word.
_ELSEWHERE = {"is": "=", "eq": "=", "equals": "=", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<=",
              "like": "contains", "includes": "contains", "has": "contains", "match": "~", "regex": "~"}  # fmt: skip
_MITMPROXY = {"m": "method", "u": "url", "d": "host", "c": "status", "b": "body", "bq": "request.body",
              "bs": "response.body", "h": "head", "hq": "request.head", "hs": "response.head", "t": "type",
              "e": 'error != ""', "src": "address", "dst": "upstream", "http": "type = http",
              "websocket": "type = ws", "replayq": "replay > 0"}  # fmt: skip


def tree_of(text: str, now: int) -> Tree:
    """Return what a filter says.

    Args:
      text: The filter.
      now: µs since the epoch: times are checked against it, and not kept.
    Raises: QueryError.
    """
    if len(text) > MOST_TEXT:
        raise QueryError(f"the filter is {len(text)} characters long, and {MOST_TEXT} are allowed", MOST_TEXT)
    for column, char in enumerate(text):
        if "\ud800" <= char <= "\udfff":
            raise QueryError("the filter holds bytes that are no text", column)
    return _Parser(Words(text), now).whole()


class _Parser:
    def __init__(self, words: Words, now: int) -> None:
        self._words = words
        self._now = now
        self._terms = 0
        self._depth = 0

    def whole(self) -> Tree:
        if self._words.peek().kind == "end":
            raise QueryError("the filter is empty", 0, hint="like status >= 500")
        tree = self._any()
        rest = self._words.peek()
        if rest.kind == ")":
            raise QueryError("there is no ( for this )", rest.column)
        if rest.kind != "end":
            raise QueryError(f"{rest.text} is not expected here", rest.column)
        return tree

    def _any(self) -> Tree:
        terms = [self._all()]
        while _is(self._words.peek(), _OR):
            self._words.take()
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _all(self) -> Tree:
        terms = [self._term()]
        while True:
            token = self._words.peek()
            if _is(token, _AND):
                self._words.take()
            elif token.kind in ("end", ")", ",") or _is(token, _OR):
                return terms[0] if len(terms) == 1 else And(tuple(terms))
            terms.append(self._term())

    def _term(self) -> Tree:
        token = self._words.take()
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise QueryError(f"more than {MOST_DEPTH} levels are within each other", token.column)
        try:
            if _is(token, _NOT) or (token.kind == "sign" and token.text == "!"):
                return Not(self._term())
            if token.kind == "(":
                return self._group(token)
            return self._leaf(token)
        finally:
            self._depth -= 1

    def _group(self, opening: Token) -> Tree:
        tree = self._any()
        closing = self._words.take()
        if closing.kind != ")":
            at = opening.column if closing.kind == "end" else closing.column
            raise QueryError("the ( that begins here has no )" if closing.kind == "end" else "a ) is missing", at)
        return tree

    def _leaf(self, token: Token) -> Tree:
        self._count(token)
        behind = self._words.peek()
        if token.kind == "text":
            if behind.kind == "sign" and behind.text != "!":
                raise QueryError("what is in quotes is searched for; a field is named without", token.column)
            return Word(_short(token))
        if token.kind == "sign":
            raise self._astray(token, behind)
        if token.kind != "word" or _is(token, (*_AND, *_OR)):
            said = "the filter ends" if token.kind == "end" else f"{token.text} stands"
            raise QueryError(f"{said} where a field or a word to search for is expected", token.column)
        if behind.kind == "sign" and behind.text != "!":
            return self._compared(token, self._field(token), self._words.take())
        field = field_of(token.text)
        if behind.kind == "word" and field is not None:
            if (tree := self._worded(token, field, behind)) is not None:
                return tree
        elif field is None and self._compares(behind):
            self._field(token)  # says that there is none
        return Word(_short(token))

    def _compares(self, behind: Token) -> bool:
        """Whether a word that stands behind another can only be an operator."""
        self._words.take()
        listed = _is(behind, ("in",)) and self._words.peek().kind == "("
        self._words.back(behind)
        return listed or _is(behind, ("contains", "matches"))

    def _worded(self, token: Token, field: Field, behind: Token) -> Tree | None:
        """Read a comparison by a word: `in (…)`, `contains x`, and these with `not`; None if it is none."""
        words, negated = self._words, False
        words.take()
        if _is(behind, _NOT) and _is(words.peek(), ("in", "contains", "matches")):
            behind, negated = words.take(), True
        if behind.text.lower() in _ELSEWHERE:
            meant = _ELSEWHERE[behind.text.lower()]
            raise QueryError(
                f"there is no operator {behind.text}", behind.column, nearest=meant,
                hint=f'did you mean {meant}? To search for the word {token.text}, put it in quotes: "{token.text}"',
            )  # fmt: skip
        if _is(behind, ("in",)) and words.peek().kind == "(":
            tree: Tree = self._listed(token, field, behind)
        elif _is(behind, ("contains", "matches")):
            tree = self._compared(token, field, behind)
            if negated and isinstance(tree, Compare) and tree.op is Op.MATCHES:
                return Compare(tree.field, Op.MATCHES_NOT, tree.values)
        else:
            words.back(behind)
            return None
        return Not(tree) if negated else tree

    def _field(self, token: Token) -> Field:
        field = field_of(token.text)
        if field is not None:
            return field
        near = nearest_field(token.text)
        whole = self._words.text[token.column :].split()[0]
        hint = f"did you mean {near}?" if near else f"to search for this text, put it in quotes: {quoted(whole)}"
        if token.text.lower().startswith(("header[", "request.header[", "response.header[")):
            near = token.text.replace("[", ".").replace("]", "").lower()
            hint = f"did you mean {near}?"
        raise QueryError(f"there is no field {token.text}", token.column, hint=hint, nearest=near)

    def _compared(self, name: Token, field: Field, operator: Token) -> Tree:
        op = self._op(field, operator)
        if op in (Op.EQUAL, Op.UNEQUAL) and self._words.peek().kind == "(":
            raise QueryError(f"a list stands behind in, not behind {op}", operator.column, nearest="in")
        return Compare(field.name, op, (self._value(field, op, operator),))

    def _listed(self, name: Token, field: Field, operator: Token) -> Tree:
        self._op(field, operator)
        opening = self._words.take()
        values = []
        while True:
            values.append(self._value(field, Op.IN, operator, listed=True))
            token = self._words.take()
            if token.kind == ")":
                return Compare(field.name, Op.IN, tuple(values))
            if token.kind == "end":
                raise QueryError("the ( that begins here has no )", opening.column)
            if token.kind != ",":
                raise QueryError("a comma stands between the values of a list", token.column)
            self._count(token)

    def _op(self, field: Field, operator: Token) -> Op:
        text = {"==": "=", "matches": "~"}.get(operator.text.lower(), operator.text.lower())
        op, allowed = Op(text), OPERATORS[field.kind]
        if op not in allowed:
            near = Op.CONTAINS if op in _ORDERED and Op.CONTAINS in allowed else Op.EQUAL
            what = _KINDS.get(field.kind, field.kind.value)
            raise QueryError(
                f"{field.name} cannot be compared with {operator.text}: it is {what}", operator.column,
                hint=f"its operators are: {' '.join(allowed)}", nearest=near,
            )  # fmt: skip
        return op

    def _value(self, field: Field, op: Op, operator: Token, *, listed: bool = False) -> str:
        token = self._words.value(listed=listed)
        if token.kind not in ("word", "text"):
            said = "is missing" if token.kind == "end" else f"is missing before {token.text}"
            raise QueryError(f"a value {said}", token.column, hint=f"like {field.example}")
        _short(token)
        text, quote = token.text, token.kind == "text"
        try:
            if OPPOSITES.get(op, op) is Op.MATCHES:
                Pattern(text)
            elif op is not Op.CONTAINS:
                resolve(field, text, self._now)
        except PatternError as error:
            place = token.column + quote + error.at if error.at is not None and token.exact else token.column
            raise QueryError(f"this is no pattern: {error}", place, hint="to search for plain text: contains") from None
        except ValueTrouble as error:
            raise QueryError(f"{error}", token.column, hint=error.hint, nearest=error.nearest) from None
        return text

    def _astray(self, token: Token, behind: Token) -> QueryError:
        """Return what to say of an operator without a field: perhaps it is mitmproxy's way to name one."""
        meant = _MITMPROXY.get(behind.text, "") if token.text == "~" and behind.column == token.end else ""
        if meant:
            example = meant if " " in meant else next(field.example for field in FIELDS if field.name == meant)
            return QueryError(
                f"~{behind.text} is mitmproxy's; here fields have names", token.column, hint=f"write: {example}",
                nearest=meant,
            )  # fmt: skip
        return QueryError(f"a field is missing before {token.text}", token.column, hint="like status >= 500")

    def _count(self, token: Token) -> None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise QueryError(f"more than {MOST_TERMS} comparisons are too many", token.column)


def _is(token: Token, words: tuple[str, ...]) -> bool:
    return token.kind == "word" and token.text.lower() in words


def _short(token: Token) -> str:
    if len(token.text) > MOST_VALUE:
        raise QueryError(f"this is {len(token.text)} characters long, and {MOST_VALUE} are allowed", token.column)
    return token.text
