"""A Job that writes down which of its hooks ran."""
import os, sys
sys.path.insert(0, os.environ["CLIENTS"])
import reeve


def note(*words):
    with open("hooks", "a") as out:
        print(*words, file=out)


class Hooks(reeve.Job):
    def set_up(self, *args, **kwargs):
        note("set_up")

    def run(self, *args, **kwargs):
        note("run")
        if args == ("boom",):
            raise ValueError("boom")
        if args == ("later",) and self.retries == 1:
            self.retry()

    def tear_down(self, *args, **kwargs):
        note("tear_down")

    def on_success(self, *args, **kwargs):
        note("on_success")

    def on_failure(self, *args, **kwargs):
        note("on_failure", self.error)

    def on_retry(self, *args, **kwargs):
        note("on_retry", self.error)


reeve.work(Hooks)
