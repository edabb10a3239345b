"""`python -m tests.hooks.approved`: write the cards as they are now. What has changed is then for review.

`python -m tests.hooks.approved VIGNETTE` shows the cards and the trace behind the fingerprints of a vignette.
"""

import sys

import yaml

from tests.hooks.approved.rendering import CARDS, FINGERPRINTS, files, fingerprints, rendered, shown, vignettes


def main(names: list[str]) -> None:
    if names:
        print(*(shown(vignettes()[name]) for name in names), sep="\n")
        return
    CARDS.mkdir(exist_ok=True)
    for old in CARDS.iterdir():
        old.unlink()
    for file in files():
        (CARDS / file).write_text(rendered(file), encoding="utf-8")
    found = {name: fingerprints(vignette) for name, vignette in sorted(vignettes().items())}
    FINGERPRINTS.write_text(yaml.safe_dump(found, width=10_000, default_flow_style=None), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
