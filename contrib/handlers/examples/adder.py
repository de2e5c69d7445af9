"""SQJobs' adder: 1, 2, 3 give 6."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import reeve


class Adder(reeve.Job):
    name = "adder"
    queue = "adder"

    def run(self, *numbers):
        return sum(numbers)

    def on_success(self, *numbers):
        print("added", *numbers)


if __name__ == "__main__":
    reeve.work(Adder)
