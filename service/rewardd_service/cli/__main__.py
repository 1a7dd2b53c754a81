"""Run the command line as `python -m rewardd_service.cli`."""

from rewardd_service.cli.root import main

if __name__ == "__main__":
    main()
