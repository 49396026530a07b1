"""The program `tunnel`, and `python -m tunnel`, which is the same."""

from tunnel.cli.bringing import brought


def main() -> None:
    """Run the command; see `tunnel.cli.main`."""
    brought("tunnel.cli.main").main()


if __name__ == "__main__":
    main()
