"""Reads a dashboard into the types that Grafana generates from its schema, and says which keys they do not know and which
values they would not have. Exits with 1 where it has something to say."""

import enum
import json
import sys
import types
import typing

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

complaints = []


def known(given, kept, path):
    """What the types do not know is gone once it is written again."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in kept:
                known(value, kept[key], f"{path}.{key}")
            else:
                complaints.append(f"{path}.{key}: not known")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (one, other) in enumerate(zip(given, kept)):
            known(one, other, f"{path}[{number}]")
    elif given != kept:
        complaints.append(f"{path}: {given!r} became {kept!r}")


def fits(value, hint):
    origin = typing.get_origin(hint)
    if hint in (typing.Any, object) or isinstance(hint, typing.TypeVar):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin in (list, dict):
        return isinstance(value, origin)
    if hint is None or hint is type(None):
        return value is None
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in [one.value for one in hint] or value in list(hint)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def camel(name):
    first, *rest = name.removesuffix("_val").split("_")
    return first + "".join(word.capitalize() for word in rest)


def judge(value, path):
    if isinstance(value, list):
        for number, one in enumerate(value):
            judge(one, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, one in value.items():
            judge(one, f"{path}.{key}")
    elif type(value).__module__.startswith("grafana_foundation_sdk.models") and not isinstance(value, enum.Enum):
        for name, hint in typing.get_type_hints(type(value)).items():
            one = getattr(value, name, None)
            place = f"{path}.{camel(name)}"
            if one is not None and not fits(one, hint):
                complaints.append(f"{place}: {one!r}")
            judge(one, place)


plugins.register_default_plugins()
with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
dashboard = Dashboard.from_json(given)
judge(dashboard, "dashboard")
known(given, json.loads(JSONEncoder().encode(dashboard)), "dashboard")
print(*complaints, sep="\n", end="\n" if complaints else "")
sys.exit(1 if complaints else 0)
