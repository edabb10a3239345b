"""`python -m tests.hooks.approved`: write the cards as they are now. What has changed is then for review."""

from tests.hooks.approved.rendering import CARDS, files, rendered


def main() -> None:
    CARDS.mkdir(exist_ok=True)
    for old in CARDS.iterdir():
        old.unlink()
    for file in files():
        (CARDS / file).write_text(rendered(file), encoding="utf-8")


if __name__ == "__main__":
    main()
