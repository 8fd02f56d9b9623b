"""What the builder's buttons do to the form: add, remove, move, copy and negate conditions and groups.

A button sends its verb and the path of its node, such as `copy:filter-0-1`. Each action returns the id of the input or
button that has the focus next, so that the keyboard goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from api.console.filters.form import ROOT_PATH, FilterGroup, FilterRow, kind_of, normalise_row, rebase
from api.console.filters.vocabulary import DID, NEGATED_MATCH, FilterVocabulary
from domain.filters.operators import opposite

Node = FilterGroup | FilterRow


def apply_action(root: FilterGroup, action: str, vocabulary: FilterVocabulary) -> str | None:
    """Applies what a button of the builder sent. Returns the id of what to focus; `None` for what changes nothing."""
    verb, _, rest = action.partition(":")
    path, _, argument = rest.partition(":")
    places: dict[str, tuple[FilterGroup, Node]] = {ROOT_PATH: (root, root)}
    for group, node in root.descendants():
        places[node.path] = group, node
        if isinstance(node, FilterRow) and node.where is not None:
            places[node.where.path] = node.where, node.where
    if path not in places:
        return None
    group, node = places[path]
    if verb == "move" and node is not group:
        move = _MOVES.get(argument)
        return _menu_of(node) if move is not None and move(places, group, node) else None
    if isinstance(node, FilterGroup) and verb in _OF_GROUPS:
        return _OF_GROUPS[verb](node)
    if isinstance(node, FilterRow) and verb in _OF_ROWS:
        return _OF_ROWS[verb](node, argument, vocabulary)
    if verb == "negate":
        return _negate(group, node, vocabulary)
    if node is group:
        return None
    match verb:
        case "remove":
            group.nodes.remove(node)
            return f"{group.path}-add"
        case "copy":
            copied = deepcopy(node)
            rebase(copied, group.next_path())
            _insert(group, group.nodes.index(node) + 1, copied)
            return _menu_of(copied)
    return None


def can_move(group: FilterGroup, node: Node) -> list[str]:
    """Returns the moves that a node can make, in the order in which they are offered."""
    place, last = group.nodes.index(node), len(group.nodes) - 1
    possible = {
        "up": place > 0,
        "down": place < last,
        "in-above": place > 0 and isinstance(group.nodes[place - 1], FilterGroup),
        "in-below": place < last and isinstance(group.nodes[place + 1], FilterGroup),
        "wrap": group.takes_groups and isinstance(node, FilterRow),
        "out": not group.is_top,
    }
    return [name for name, is_possible in possible.items() if is_possible]


def _add(group: FilterGroup) -> str:
    group.nodes.append(FilterRow(group.next_path(), of=group.of))
    return f"{group.nodes[-1].path}-attribute"


def _add_activity(group: FilterGroup) -> str | None:
    """A row for something they did: the last one, as long as nothing is chosen in it, or a new one."""
    if group.of:
        return None
    last = group.nodes[-1] if group.nodes else None
    if not isinstance(last, FilterRow) or last.attribute or last.asked:
        group.nodes.append(last := FilterRow(group.next_path()))
    last.attribute, last.where = DID, FilterGroup(f"{last.path}-0", is_where=True)
    return f"{last.path}-attribute"


def _add_group(group: FilterGroup) -> str:
    inner = FilterGroup(group.next_path(), "any", of=group.of)
    inner.nodes.append(FilterRow(inner.next_path(), of=group.of))
    group.nodes.append(inner)
    return f"{inner.path}-match"


def _more(row: FilterRow, _argument: str, _vocabulary: FilterVocabulary) -> str:
    return row.value_id


def _drop(row: FilterRow, argument: str, _vocabulary: FilterVocabulary) -> str | None:
    if not (argument.isdigit() and int(argument) < len(row.all("item"))):
        return None
    del row.texts["item"][int(argument)]
    return row.value_id


def _use(row: FilterRow, argument: str, _vocabulary: FilterVocabulary) -> str:
    """A value that is known, in place of what was typed."""
    if row.inputs[0] == "several":
        row.texts["item"] = [argument]
    else:
        row.texts["value"] = [argument]
        row.texts.pop("exact", None)
    return row.value_id


def _yearly(row: FilterRow, _argument: str, vocabulary: FilterVocabulary) -> str:
    """The same period of every year."""
    row.operator = "anniversary_in_period"
    row.texts.pop("kind", None)
    normalise_row(row, vocabulary)
    return row.value_id


def _negate(group: FilterGroup, node: Node, vocabulary: FilterVocabulary) -> str:
    """Make a node true of exactly the others: by the opposite operator, else by a group of which none is true."""
    if isinstance(node, FilterGroup):
        node.match = NEGATED_MATCH[node.match]
        return f"{node.path}-match"
    kind = kind_of(node, vocabulary)
    pairs = {"in": "not_in", "not_in": "in"}
    other = pairs.get(node.operator) if kind is None else opposite(node.operator, kind)
    if other is not None:
        node.operator = other
        return _menu_of(node)
    if len(group.nodes) == 1:  # all and any, none and not all, are the same then
        group.match = "none" if group.match in ("all", "any") else "all"
        return f"{group.path}-match"
    return f"{_wrapped(group, node, 'none').path}-match"


def _wrapped(group: FilterGroup, node: Node, match: str) -> FilterGroup:
    """The group that stands where the node stood, with the node in it."""
    outer = FilterGroup(node.path, match, [node], group.of)
    group.nodes[group.nodes.index(node)] = outer
    rebase(node, f"{outer.path}-0")
    return outer


def _insert(group: FilterGroup, place: int, node: Node) -> None:
    """Put a node at a place: the numbers of those behind it move on, as nodes are ordered by their numbers."""
    numbers = sorted({int(each.path.rpartition("-")[2]) for each in [*group.nodes, node]})
    while len(numbers) <= len(group.nodes):
        numbers.append(numbers[-1] + 1)
    group.nodes.insert(place, node)
    for each, number in zip(group.nodes, numbers, strict=True):
        rebase(each, f"{group.path}-{number}")


def _shift(by: int) -> Callable[[dict[str, tuple[FilterGroup, Node]], FilterGroup, Node], bool]:
    def shift(_places: dict[str, tuple[FilterGroup, Node]], group: FilterGroup, node: Node) -> bool:
        place = group.nodes.index(node) + by
        if not 0 <= place < len(group.nodes):
            return False
        other = group.nodes[place]
        group.nodes[place - by], group.nodes[place] = other, node
        paths = node.path, other.path
        rebase(node, paths[1])
        rebase(other, paths[0])
        return True

    return shift


def _into(by: int) -> Callable[[dict[str, tuple[FilterGroup, Node]], FilterGroup, Node], bool]:
    def into(_places: dict[str, tuple[FilterGroup, Node]], group: FilterGroup, node: Node) -> bool:
        place = group.nodes.index(node) + by
        if not 0 <= place < len(group.nodes) or not isinstance(inner := group.nodes[place], FilterGroup):
            return False
        group.nodes.remove(node)
        rebase(node, inner.next_path())
        _insert(inner, len(inner.nodes) if by < 0 else 0, node)
        return True

    return into


def _out(places: dict[str, tuple[FilterGroup, Node]], group: FilterGroup, node: Node) -> bool:
    if group.is_top:
        return False
    outer, _ = places[group.path]
    group.nodes.remove(node)
    place = outer.nodes.index(group)
    if not group.nodes:
        outer.nodes.remove(group)
        place -= 1
    rebase(node, outer.next_path())
    _insert(outer, place + 1, node)
    return True


def _wrap(_places: dict[str, tuple[FilterGroup, Node]], group: FilterGroup, node: Node) -> bool:
    _wrapped(group, node, "any")
    return True


def _menu_of(node: Node) -> str:
    return f"{node.path}-more-actions"


_OF_GROUPS: dict[str, Callable[[FilterGroup], str | None]] = {"add": _add, "did": _add_activity, "group": _add_group}
_OF_ROWS: dict[str, Callable[[FilterRow, str, FilterVocabulary], str | None]] = {
    "more": _more,
    "drop": _drop,
    "use": _use,
    "yearly": _yearly,
}
_MOVES: dict[str, Callable[[dict[str, tuple[FilterGroup, Node]], FilterGroup, Node], bool]] = {
    "up": _shift(-1),
    "down": _shift(1),
    "in-above": _into(-1),
    "in-below": _into(1),
    "out": _out,
    "wrap": _wrap,
}
