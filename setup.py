"""What setup.cfg cannot say: the packages are found, and the README's links work on a package index, too."""

import pathlib
import re

from setuptools import find_packages, setup

PAGES = "https://github.com/seqzoo/seqzoo/blob/main/"
PICTURES = "https://raw.githubusercontent.com/seqzoo/seqzoo/main/"

readme = pathlib.Path("README.md").read_text("utf-8")
readme = re.sub(r"""(!\[[^\]]*\]\(|src(?:set)?=")(?![a-z]+:|#)""", rf"\g<1>{PICTURES}", readme)
readme = re.sub(r"((?<!!)\[[^\[\]]*\]\()(?![a-z]+:|#)", rf"\g<1>{PAGES}", readme)

setup(
    # In a checkout tasks/ stands beside the package; installed it is inside.
    packages=[*find_packages(include=["seqzoo", "seqzoo.*"]), "seqzoo.tasks"],
    long_description=readme,
    long_description_content_type="text/markdown",
)
