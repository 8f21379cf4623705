"""``python -m loihi_sca``."""

from loihi_sca.cli import main

if __name__ == "__main__":
    main()
