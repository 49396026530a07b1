"""`python -m tunnel` is `tunnel`."""

from tunnel.cli.main import main

if __name__ == "__main__":
    main()
