"""Runs a part of cloud-init on one file of user data: its modules write_files, runcmd and scripts_user, as they are run at a
first boot, with the instance's own files below a directory of the test's.

run_modules.py FILE DIRECTORY
"""

import logging
import sys
from pathlib import Path

from cloudinit import cloud, distros, helpers, util
from cloudinit.config import cc_runcmd, cc_scripts_user, cc_write_files


class Instance(distros.Distro):
    """A machine of no distribution: these modules ask one for nothing but the owner of files."""

    def __init__(self):
        self.default_owner = "root:root"


for name in getattr(distros.Distro, "__abstractmethods__", ()):
    setattr(Instance, name, None)
Instance.__abstractmethods__ = frozenset()


class Source:
    """As much of a data source as a path of an instance takes."""

    def get_instance_id(self):
        return "i-1"


def main(user_data, directory):
    directory.mkdir()
    instance = directory / "instances" / "i-1"
    (instance / "scripts").mkdir(parents=True)
    (directory / "instance").symlink_to(instance)
    paths = helpers.Paths({"cloud_dir": str(directory), "run_dir": str(directory)}, Source())
    machine = cloud.Cloud(Source(), paths, {}, Instance(), None)
    config = util.load_yaml(user_data.read_text())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    for module in (cc_write_files, cc_runcmd, cc_scripts_user):
        name = module.__name__.rsplit(".", 1)[1]
        module.handle(name, config, machine, logging.getLogger(name), [])


main(Path(sys.argv[1]), Path(sys.argv[2]))
