"""Reads a JSON list of compose files on stdin; prints the list of what they mean.

The parser is libyaml's, and every twentieth file is read by PyYAML's own as well, which docker-compose 1.29 uses. `$` is
interpolated by docker-compose's own module, with an empty environment.
"""

import json
import sys

import yaml
from compose.config.environment import Environment
from compose.config.interpolation import interpolate_environment_variables
from compose.const import COMPOSE_SPEC


def meaning(text, is_interpolated):
    config = yaml.load(text, Loader=yaml.CSafeLoader)
    if is_interpolated:
        return config
    sections = {
        name: interpolate_environment_variables(COMPOSE_SPEC, config[name], name[:-1], Environment())
        for name in ("services", "volumes", "secrets")
        if config.get(name)
    }
    return {**config, **sections}


def main():
    files = json.load(sys.stdin)
    for text in files[::20]:
        assert yaml.safe_load(text) == yaml.load(text, Loader=yaml.CSafeLoader)
    json.dump([meaning(text, "--interpolated" in sys.argv) for text in files], sys.stdout)


main()
