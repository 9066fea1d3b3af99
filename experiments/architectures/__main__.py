"""`python -m experiments.architectures`: see `comparison`."""

from experiments.architectures.comparison import main

if __name__ == "__main__":
    main()
