#!/usr/bin/env python3
"""One queue under a load, with the number of workers decided by each policy in turn; prints a table
of waits, cost and changes. Seconds here are numbers: nothing sleeps.
usage: simulate.py [--seeds N] [--load NAME … | --file CSV …] CONTROLLER"""
import argparse
import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass

import loads
import policies

BOOT_S = 2  # from the decision until a worker takes tasks, whoever starts it
HIGH = 50
MEASURE_S = 0.5  # the keeper's depths are that old when the controller looks


@dataclass
class Seen:
    now: float
    count: int
    busy: int
    depth: int
    measured_depth: int
    measured_working: int
    served: int
    busy_s: float


class Worker:
    __slots__ = ("born", "job", "started", "is_leaving", "end")

    def __init__(self, born):
        self.born, self.job, self.started, self.is_leaving, self.end = born, None, None, False, None


class Pool:
    """Workers of one queue. Events: a worker has booted, a task has ended, a pod's grace is over."""

    def __init__(self, jobs, policy, low, seed):
        self.jobs, self.policy, self.low = jobs, policy, low
        self.chance = random.Random(seed)
        self.now, self.order = 0.0, itertools.count()
        self.events, self.ready = [], deque()
        self.workers, self.idle = {}, deque()  # a set has no order that a repeat would have
        self.waits, self.cost = [], 0.0
        self.served, self.busy_s, self.busy = 0, 0.0, 0
        self.starts = self.stops = self.killed = 0
        self.measured = (0, 0)

    def at(self, when, act, *words):
        heapq.heappush(self.events, (when, next(self.order), act, words))

    def count(self):
        return sum(not worker.is_leaving for worker in self.workers)

    # --- workers ---

    def spawn(self):
        worker = Worker(self.now)
        self.workers[worker] = True
        self.starts += 1
        self.at(self.now + BOOT_S, self.booted, worker)

    def booted(self, worker):
        if worker in self.workers:
            self.free(worker)

    def free(self, worker):
        if worker.is_leaving:
            self.gone(worker)
        elif self.ready:
            self.take(worker, self.ready.popleft())
        else:
            self.idle.append(worker)

    def take(self, worker, job):
        arrival, service, _ = job
        worker.job, worker.started = job, self.now
        worker.end = self.now + service
        self.busy += 1
        if not job[2]:
            self.waits.append(self.now - arrival)
        self.at(worker.end, self.ended, worker, job)

    def ended(self, worker, job):
        if worker not in self.workers or worker.job is not job:
            return
        worker.job = None
        self.busy -= 1
        self.served += 1
        self.busy_s += job[1]
        self.free(worker)

    def gone(self, worker):
        self.workers.pop(worker, None)
        self.stops += 1
        self.cost += self.now - worker.born

    def kill(self, worker):
        """A grace is over: what it ran is put back and starts anew."""
        if worker not in self.workers or worker.job is None:
            return
        self.killed += 1
        self.busy -= 1
        arrival, service, _ = worker.job
        worker.job = None
        self.gone(worker)
        self.arrive((arrival, service, True))

    def dismiss(self, worker):
        worker.is_leaving = True
        if worker.job is None:
            if worker in self.idle:
                self.idle.remove(worker)
            self.gone(worker)
        elif self.policy.kills_busy:
            self.at(self.now + self.policy.grace_s, self.kill, worker)

    def victims(self, count):
        staying = [worker for worker in self.workers if not worker.is_leaving]
        if self.policy.kills_busy:
            self.chance.shuffle(staying)
        else:
            staying.sort(key=lambda worker: worker.job is not None)
        return staying[:max(0, count)]

    # --- the queue ---

    def arrive(self, job):
        if self.idle:
            self.take(self.idle.popleft(), job)
        else:
            self.ready.append(job)

    # --- decisions ---

    def look(self):
        count = self.count()
        seen = Seen(self.now, count, self.busy, len(self.ready), *self.measured, self.served, self.busy_s)
        wanted = max(0, min(HIGH, self.policy.decide(seen)))
        for _ in range(wanted - count):
            self.spawn()
        for worker in self.victims(count - wanted):
            self.dismiss(worker)

    def measure(self):
        self.measured = (len(self.ready), self.busy)
        # The keeper's bell: the first task of a queue without workers.
        if isinstance(self.policy, policies.Reeve) and self.count() == 0 and self.ready:
            self.look()

    def run(self):
        end = self.jobs[-1][0]
        for _ in range(max(self.low, getattr(self.policy, "low", 0))):
            self.spawn()
        for arrival, service in self.jobs:
            self.at(arrival, self.arrive, (arrival, service, False))
        second = 0
        while second < end or self.ready or self.busy:
            second += 1
            self.at(second - MEASURE_S, self.measure)
            if second % self.policy.every_s == 0:
                self.at(second, self.look)
            while self.events and self.events[0][0] <= second:
                self.now, _, act, words = heapq.heappop(self.events)
                act(*words)
            self.now = second
        self.cost += sum(self.now - worker.born for worker in self.workers)
        return self


def measure(jobs, maker, low, seed):
    policy = maker(low, HIGH)
    pool = Pool(jobs, policy, low, seed).run()
    policy.close()
    work = sum(service for _, service in jobs)
    waits = sorted(pool.waits)
    return (sum(waits) / len(waits), waits[int(len(waits) * 0.95)], pool.cost / work,
            pool.starts + pool.stops, pool.killed)


def table(title, low, make_jobs, seeds, controller):
    for name, maker in policies.makers(controller).items():
        rows = [measure(make_jobs(seed), maker, low, seed) for seed in range(seeds)]
        mean = [sum(column) / len(rows) for column in zip(*rows)]
        print(f"| {title} | {name} | {mean[0]:.2f} | {mean[1]:.1f} | {mean[2]:.2f} | {mean[3]:.0f} "
              f"| {mean[4]:.0f} |", flush=True)
        title = ""


def main():
    words = argparse.ArgumentParser()
    words.add_argument("controller")
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--load", nargs="*", default=list(loads.LOADS))
    words.add_argument("--file", nargs="*", default=[])
    given = words.parse_args()
    print("| load | policy | mean wait s | 95 % s | cost | changes | killed |\n|---|---|---|---|---|---|---|")
    for path in given.file:
        table(path, 0, lambda seed, path=path: loads.recorded(path), 1, given.controller)
    for name in [] if given.file else given.load:
        says, low, _ = loads.LOADS[name]
        seeds = 1 if name == "recorded" else given.seeds
        table(f"**{name}**: {says}", low, lambda seed, name=name: loads.make(name, seed), seeds, given.controller)


main()
