"""YAML read as text with positions: no type is guessed, so `10.00` stays exact and `no` stays a word.

Only the plain part of YAML is taken: one document of mappings, lists and scalars. Anchors, aliases and tags
are refused where they stand, and size and depth have limits, so a hostile document costs no more than an
honest one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from loyalty_core.kernel import _

LONGEST_DOCUMENT = 262_144
DEEPEST_NESTING = 20

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in the document: line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One mistake in a document: where it stands and a sentence that says what is wrong and the remedy."""

    place: Place
    sentence: str

    def __str__(self) -> str:
        return _("line {line}, column {column}: {sentence}").format(
            line=self.place.line, column=self.place.column, sentence=self.sentence
        )


class Plain(str):
    """A scalar written without quotes."""

    __slots__ = ()


class Quoted(str):
    """A scalar written in quotes or as a block: meant as text, never as a number."""

    __slots__ = ()


Tree = dict[str, "Tree"] | list["Tree"] | Plain | Quoted


class _UnreadableError(Exception):
    """Reading can't go on behind this place."""


@dataclass(slots=True)
class YamlTree:
    """What a document holds: `root` (None when unreadable), the places of values and keys, and the faults."""

    root: Tree | None = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place_of(self, path: Path, *, of_key: bool = False) -> Place:
        """Return where the value (or its key) at the path stands; where there is none, what it belongs in."""
        if of_key and path in self.keys:
            return self.keys[path]
        while path not in self.values and path:
            path = path[:-1]
        return self.values.get(path, Place(1, 1))


def read_yaml(text: str) -> YamlTree:
    """Read one YAML document. Never raises for what the text holds: see the result's `faults`."""
    tree = YamlTree()
    if len(text) > LONGEST_DOCUMENT:
        tree.faults.append(
            Fault(
                Place(1, 1),
                _("The document is longer than {limit} characters. Split it into several programmes.").format(
                    limit=LONGEST_DOCUMENT
                ),
            )
        )
        return tree
    try:
        tree.root = _Composer(tree).document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        tree.faults.append(
            Fault(
                place, _("This is not valid YAML: {problem}.").format(problem=error.problem or error.context)
            )
        )
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        tree.faults.append(
            Fault(
                place,
                _("The character U+{code:04X} can't be in a document.").format(
                    code=ord(text[error.position])
                ),
            )
        )
    except _UnreadableError:
        tree.root = None
    return tree


class _Composer:
    """Builds the tree from YAML's events, noting places and faults in it."""

    def __init__(self, tree: YamlTree) -> None:
        self._tree = tree

    def document(self, events: Iterator[yaml.Event]) -> Tree | None:
        self._events = events
        next(events)
        first = next(events)
        if isinstance(first, yaml.StreamEndEvent):
            self._fault(first, _("The document is empty."))
            return None
        root = self._node(next(events), (), 0)
        next(events)
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._fault(after, _("A second document begins here. Put each programme into a file of its own."))
        return root

    def _node(self, event: yaml.Event, path: Path, depth: int) -> Tree:
        if isinstance(event, yaml.AliasEvent):
            self._fault(
                event, _("Aliases (*{name}) are not taken: write the value out.").format(name=event.anchor)
            )
            raise _UnreadableError
        if depth > DEEPEST_NESTING:
            self._fault(event, _("This is nested too deeply."))
            raise _UnreadableError
        self._tree.values[path] = _place(event)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.anchor is not None:
            self._fault(event, _("Anchors (&{name}) are not taken: leave it out.").format(name=event.anchor))
        if event.tag is not None:
            self._fault(event, _("Tags ({tag}) are not taken: leave it out.").format(tag=event.tag))
        if isinstance(event, yaml.ScalarEvent):
            return Plain(event.value) if event.style is None else Quoted(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path, depth)
        return self._mapping(path, depth)

    def _list(self, path: Path, depth: int) -> Tree:
        items: list[Tree] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth + 1))
        return items

    def _mapping(self, path: Path, depth: int) -> Tree:
        entries: dict[str, Tree] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, (*path, "?"), depth + 1)
            if not isinstance(key, str):
                self._fault(event, _("A key must be a word."))
                raise _UnreadableError
            name = str(key)
            if name in entries:
                self._fault(
                    event,
                    _("“{key}” is written twice, first in line {line}. Keep one of them.").format(
                        key=name, line=self._tree.keys[(*path, name)].line
                    ),
                )
                self._node(next(self._events), (*path, "?"), depth + 1)
            else:
                self._tree.keys[(*path, name)] = _place(event)
                entries[name] = self._node(next(self._events), (*path, name), depth + 1)
        return entries

    def _fault(self, event: yaml.Event, sentence: str) -> None:
        self._tree.faults.append(Fault(_place(event), sentence))


def _place(event: yaml.Event) -> Place:
    assert event.start_mark is not None
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
