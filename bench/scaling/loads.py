"""Loads: lists of (arrival, service time), both in seconds. Invented ones come from a seed, recorded
ones from a file."""
import csv
import math
import pathlib
import random

HOUR = 3600


def poisson(chance, rate, most, service, end=HOUR):
    """Arrivals of a rate that changes with time, by thinning; most: its highest value."""
    jobs, now = [], 0.0
    while True:
        now += chance.expovariate(most)
        if now >= end:
            return jobs
        if chance.random() * most < rate(now):
            jobs.append((now, service(chance)))


def about(mean):
    return lambda chance: chance.expovariate(1 / mean)


def pareto(chance):
    """Heavy tail: mean about 1 s, one of a thousand takes over half a minute."""
    return min(300.0, 1 / 3 * chance.paretovariate(1.5))


def bursts(chance, size=300, every=120):
    return [(start + chance.random(), chance.uniform(0.5, 1.5))
            for start in range(0, HOUR, every) for _ in range(size)]


def recorded(path):
    with open(path, newline="") as file:
        return sorted((float(row["arrival_s"]), float(row["service_s"])) for row in csv.DictReader(file))


def column(path, name):
    with open(path, newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def tests_of_commits():
    """Each commit starts all tests; when people commit, and how long tests take, was recorded."""
    tests = column(HERE / "tests.csv", "service_s")
    return [(arrival, service) for arrival in column(HERE / "commits.csv", "arrival_s") for service in tests]


HERE = pathlib.Path(__file__).parent
# name: what it is, min workers, the maker
LOADS = {
    "steady": ("Poisson, 5/s of 2 s", 1, lambda c: poisson(c, lambda t: 5, 5, about(2))),
    "step": ("1/s, from minute 20 to 40 10/s, of 1 s", 1,
             lambda c: poisson(c, lambda t: 10 if 1200 <= t < 2400 else 1, 10, about(1))),
    "spike": ("1/s, for one minute 40/s, of 1 s", 1,
              lambda c: poisson(c, lambda t: 40 if 1800 <= t < 1860 else 1, 40, about(1))),
    "diurnal": ("a sine from 1 to 9/s, of 1 s", 1,
                lambda c: poisson(c, lambda t: 5 - 4 * math.cos(2 * math.pi * t / HOUR), 9, about(1))),
    "bursty": ("300 at once every 2 minutes, of 1 s", 1, bursts),
    "slow": ("0.2/s of about a minute", 1, lambda c: poisson(c, lambda t: 0.2, 0.2, about(60))),
    "heavy tail": ("5/s, Pareto (1.5) of 1 s in the mean", 1,
                   lambda c: poisson(c, lambda t: 5, 5, pareto)),
    "flapping": ("2/s and 12/s in turns of 45 s, of 1 s", 1,
                 lambda c: poisson(c, lambda t: 12 if int(t / 45) % 2 else 2, 12, about(1))),
    "seldom": ("6 an hour of 20 s, min 0", 0, lambda c: poisson(c, lambda t: 6 / HOUR, 6 / HOUR, about(20))),
    "recorded": ("124 commits of a project in 4.2 hours, each starts its 46 tests of 4 s in the mean; min 0",
                 0, lambda c: tests_of_commits()),
}


def make(name, seed):
    return sorted(LOADS[name][2](random.Random(f"{name} {seed}")))
