"""Who decides on the number of workers: the real controller, and models of four others, made from
their sources. Each has every_s, and decide(seen) that answers the new count."""
import math
import subprocess
from collections import deque


class Reeve:
    """supervisor/scaling.c itself, with depths that are half a second old, as the keeper's are."""
    every_s = 1
    kills_busy = False

    def __init__(self, controller, low, high, strategy="offered", max_wait=5, window=60, per_worker=5):
        words = [strategy, low, high, max_wait * 1000, window * 1000, per_worker]
        self.process = subprocess.Popen([controller, *map(str, words)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def decide(self, seen):
        line = (f"{int(seen.now * 1000)} {seen.count} {seen.busy} {seen.measured_depth} "
                f"{seen.measured_working} {seen.served} {int(seen.busy_s * 1000)}\n")
        self.process.stdin.write(line)
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Model:
    every_s = 1
    kills_busy = False

    def __init__(self, low, high):
        self.low, self.high = low, high

    def bound(self, count):
        return max(self.low, min(self.high, count))

    def close(self):
        pass


class Keda(Model):
    """KEDA's SQS scaler (visible + in flight, over queueLength) through the autoscaler of
    Kubernetes: sync 15 s, tolerance 10 %, up by the greater of 100 % and 4 pods per sync, down to
    the highest of 300 s. Between 0 and 1 KEDA itself decides: every 30 s, down after 300 s without
    a message. A pod that is taken away is any pod, and has 30 s to end its task."""
    every_s = 15
    kills_busy = True
    grace_s = 30

    def __init__(self, low, high, target=5):
        super().__init__(low, high)
        self.target, self.past, self.active_at = target, deque(), -math.inf

    def decide(self, seen):
        length = seen.depth + seen.busy
        if length > 0:
            self.active_at = seen.now
        if seen.count == 0:
            return 1 if length > 0 and seen.now % 30 == 0 else 0
        if self.low == 0 and length == 0 and seen.now - self.active_at >= 300:
            return 0
        ratio = length / (self.target * seen.count)
        wanted = seen.count if abs(ratio - 1) <= 0.1 else math.ceil(length / self.target)
        wanted = max(1, self.bound(wanted))
        self.past.append((seen.now, wanted))
        while self.past[0][0] <= seen.now - 300:
            self.past.popleft()
        if wanted > seen.count:
            return min(wanted, max(2 * seen.count, seen.count + 4))
        return min(seen.count, max(count for _, count in self.past))


class Horizon(Model):
    """Laravel Horizon, balance auto, one queue: AutoScaler.php gives it all of maxProcesses while
    something waits; a shift of balanceMaxShift (1) per balanceCooldown (3 s)."""
    every_s = 3

    def decide(self, seen):
        wanted = self.high if seen.depth > 0 else self.low
        return self.bound(seen.count + max(-1, min(1, wanted - seen.count)))


class Celery(Model):
    """celery worker --autoscale: as many processes as requests it holds (four per process are
    prefetched), at once up, down 30 s after the last step up; only idle ones go."""

    def __init__(self, low, high):
        super().__init__(low, high)
        self.grown_at = None

    def decide(self, seen):
        held = seen.busy + min(seen.depth, 4 * max(1, seen.count))
        wanted = self.bound(held)
        if wanted > seen.count:
            self.grown_at = seen.now
            return wanted
        if wanted < seen.count and self.grown_at is not None and seen.now - self.grown_at > 30:
            return max(wanted, seen.busy)
        return seen.count


class Uwsgi(Model):
    """uWSGI's cheaper_busyness with its defaults and the window of 10 s that its manual advises:
    one worker more over 50 %, one less under 25 % for 10 windows; going up again too soon makes
    that 2 windows longer; over 33 in the backlog an emergency worker each second."""
    window_s = 10

    def __init__(self, low, high):
        super().__init__(max(1, low), high)
        self.multi, self.emergencies, self.band, self.last = 10, 0, 0, None
        self.cheap_at, self.cheaped_at, self.checked_at, self.busy = 100, -math.inf, 0, []

    def arm(self, now):
        self.cheap_at = now + self.window_s * (3 if self.emergencies else self.multi)

    def emergency(self, seen):
        self.multi, self.last = 10, "up"
        self.emergencies += 1
        self.arm(seen.now)
        return self.bound(seen.count + 1)

    def decide(self, seen):
        self.busy.append(min(1, seen.busy / max(1, seen.count)))
        is_backlogged = seen.depth > 33 and seen.count < self.high
        if seen.now - self.checked_at < self.window_s:
            return self.emergency(seen) if is_backlogged else max(seen.count, self.low)
        self.checked_at = seen.now
        share, self.busy = 100 * sum(self.busy) / len(self.busy), []
        if share > 50:
            return self.grow(seen)
        if is_backlogged:
            return self.emergency(seen)
        return self.shrink(seen) if share < 25 else self.keep(seen)

    def grow(self, seen):
        self.band = 0
        if seen.count < self.high:
            is_soon = (seen.now - self.cheaped_at) / self.window_s <= self.multi
            self.multi = self.multi + 2 if is_soon else max(10, self.multi - 1)
            self.last = "up"
            self.arm(seen.now)
        return self.bound(seen.count + 1)

    def shrink(self, seen):
        if seen.count <= self.low:
            return seen.count
        self.band = 0
        if seen.now < self.cheap_at:
            return seen.count
        if self.last == "down":
            self.multi = max(10, self.multi - 1)
        self.arm(seen.now)
        self.cheaped_at, self.last = seen.now, "down"
        self.emergencies = max(0, self.emergencies - 1)
        return seen.count - 1

    def keep(self, seen):
        if seen.count > 1:
            self.emergencies = max(0, self.emergencies - 1)
            self.band += 1
            if self.band >= 3:
                self.arm(seen.now)
            else:
                self.cheap_at += self.window_s
        return seen.count


def makers(controller):
    return {
        "reeve": lambda low, high: Reeve(controller, low, high),
        "reeve, window 10s": lambda low, high: Reeve(controller, low, high, window=10),
        "KEDA, target 5": lambda low, high: Keda(low, high, 5),
        "KEDA, target 1": lambda low, high: Keda(low, high, 1),
        "Horizon": Horizon,
        "Celery": Celery,
        "uWSGI busyness": Uwsgi,
    }
