"""Run the verifier as `python -m verifier`."""

from verifier.command import main

if __name__ == "__main__":
    main()
