"""The clients of contrib/handlers, each with both protocols, asked for the same things; then their
examples. CLIENTS_C names the programs in C (handler and say-hello)."""
import concurrent.futures, json, os, shutil, signal, subprocess, sys, tempfile, time

REEVE = os.environ["REEVE"]
ROOT = os.environ["REEVE_SOURCE"]
CLIENTS = os.path.join(ROOT, "contrib/handlers")
HANDLERS = os.path.join(ROOT, "tests/handlers")
EXAMPLES = os.path.join(CLIENTS, "examples")
C_HANDLER, C_HELLO = os.environ["CLIENTS_C"].split(":")
TEXT = 'grüße ☃ 😀 "quoted" \\ back/slash \t tab \x01 control\n second line.'
LANGUAGES = {
    "c": [C_HANDLER],
    "js": ["node", HANDLERS + "/handler.js"],
    "php": ["php", HANDLERS + "/handler.php"],
    "py": ["/usr/bin/python3", HANDLERS + "/handler.py"],
    "rb": ["ruby", HANDLERS + "/handler.rb"],
    "sh": ["/bin/sh", HANDLERS + "/handler.sh"],
}
# What a backtrace shows.
CALLS = {"c": "handler", "js": "at explode", "php": "explode_here", "py": "in explode", "rb": "explode", "sh": "handle"}
home = tempfile.mkdtemp(prefix="reeve-clients.")
environment = dict(os.environ, CLIENTS=CLIENTS, REEVE_BIN=REEVE, REEVE_CONFIG=home + "/reeve.yaml", LC_ALL="C")


def check(what, holds, seen=None):
    if not holds:
        raise SystemExit("FAILED - %s: %r" % (what, seen))


def reeve(*words, stdin=None, code=0):
    told = subprocess.run([REEVE, "-c", home + "/reeve.yaml", *words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment, timeout=120)
    check("reeve " + " ".join(words), code is None or told.returncode == code, told)
    return told.stdout.decode()


def run(queue, payload, **options):
    """The task once it has ended."""
    words = [word for name, value in options.items() for word in ("--" + name, value)]
    return json.loads(reeve("push", queue, "-", "--wait", "--json", *words, stdin=json.dumps(payload, ensure_ascii=False).encode(), code=None))


def eventually(what, holds):
    until = time.time() + 60
    while not holds():
        check("in time: " + what, time.time() < until)
        time.sleep(0.05)


def begin_to_wait(queue):
    """A task that waits to be cancelled, and listens by now."""
    if os.path.exists(home + "/waiting." + queue):
        os.unlink(home + "/waiting." + queue)
    task = reeve("push", queue, '{"do":"wait"}').strip()
    eventually("it waits", lambda: os.path.exists(home + "/waiting." + queue))
    return task


def reason(task):
    return task["trace"][-1]["message"] or ""


def texts_come_and_go_whole(queue, language):
    for value in (None, TEXT, "x" * 900000, "ü" * 400000, "ü\n" * 1000 + "."):
        task = run(queue, {"do": "echo", "value": value})
        check("echo", task["status"] == "completed" and task["result"] == value, (task["status"], str(task["result"])[:200], reason(task)))


def it_spawns(queue, language):
    job = json.loads(reeve("start", "spawn-" + queue, "--payload", '{"do":"spawn"}', "--wait", "--json"))
    rows = [json.loads(reeve("task", row["id"], "--json"))["payload"]["i"]
            for row in json.loads(reeve("tasks", job["id"], "--queue", "rows", "--json"))]
    check("spawn", job["status"] == "completed" and sorted(map(str, rows)) == ["1", "ü"], (job, rows))


def it_tells_its_progress(queue, language):
    task = run(queue, {"do": "progress"})
    check("progress", task["status"] == "completed", task)


def it_fails_for_good(queue, language):
    task = run(queue, {"do": "permanent"})
    check("permanent", (task["status"], task["attempt"], reason(task)) == ("failed", 1, "never"), task)


def it_asks_for_another_try(queue, language):
    task = run(queue, {"do": "retry"})
    first = task["trace"][0]
    check("retry_in", (task["status"], task["attempt"], first["status"], first["message"]) == ("completed", 2, "retry", "later"), task)


def it_asks_for_another_try_after_the_delay_of_the_queue(queue, language):
    task = run(queue, {"do": "again"})
    check("retry", (task["status"], [entry["status"] for entry in task["trace"]]) == ("completed", ["retry", "success"]), task)


def an_error_tells_why_whatever_bytes_it_has(queue, language):
    if language in ("js", "php", "py", "rb"):
        task = run(queue, {"do": "odd"})
        check("odd", "no file " in reason(task) and "not understood" not in reason(task), task)


def what_it_prints_without_a_newline_is_of_its_task(queue, language):
    for _ in range(3):
        task = run(queue, {"do": "say"})
        check("print", (task["status"], task["output"]) == ("completed", "said"), task)


def what_the_command_refuses_is_told(queue, language):
    if language in ("js", "php", "py", "rb"):
        task = run(queue, {"do": "refused"})
        check("refused", "over 1 MiB" in reason(task), task)


def an_error_has_its_backtrace(queue, language):
    task = run(queue, {"do": "raise"})
    check("raise", task["status"] == "failed" and task["attempt"] == 2 and "bäng" in reason(task), task)
    check("backtrace", CALLS[language] in (task["trace"][-1]["backtrace"] or ""), task["trace"][-1])


def it_produces(queue, language):
    value = {"it's": ["$HOME", TEXT]}
    pushed, started = run(queue, {"do": "push", "value": value})["result"]
    eventually("the pushed task", lambda: json.loads(reeve("task", pushed, "--json"))["status"] == "completed")
    task = json.loads(reeve("task", pushed, "--json"))
    check("push", task["payload"] == value and task["name"] == ("rows" if language == "c" else "row"), task)
    eventually("the job", lambda: json.loads(reeve("job", started, "--json"))["status"] == "completed")
    check("start", json.loads(reeve("job", started, "--json"))["payload"] == value, started)


def a_cancel_reaches_it(queue, language):
    task = begin_to_wait(queue)
    reeve("cancel", task)
    eventually("cancelled", lambda: json.loads(reeve("task", task, "--json"))["status"] == "cancelled")
    check("it noticed", os.path.exists(home + "/cancelled." + queue))
    os.unlink(home + "/cancelled." + queue)
    check("the next one", run(queue, {"do": "echo", "value": "on"})["result"] == "on")


EXPECTATIONS = [texts_come_and_go_whole, it_spawns, it_tells_its_progress, it_fails_for_good, it_asks_for_another_try,
                it_asks_for_another_try_after_the_delay_of_the_queue, an_error_tells_why_whatever_bytes_it_has,
                what_it_prints_without_a_newline_is_of_its_task, what_the_command_refuses_is_told,
                an_error_has_its_backtrace, it_produces, a_cancel_reaches_it]


def expect_all(queue):
    language = queue.split("-")[0]
    for expectation in EXPECTATIONS:
        try:
            expectation(queue, language)
        except SystemExit as failed:
            return "%s %s: %s" % (queue, expectation.__name__, failed)
        print("ok - %s: %s" % (queue, expectation.__name__.replace("_", " ")), flush=True)
    return None


def hooks():
    """Of a Job: in SQJobs' order, and what each is told."""
    for payload, wanted in (({"args": [1], "kwargs": {"b": 2}}, ["set_up", "run", "tear_down", "on_success"]),
                            ({"args": ["boom"]}, ["set_up", "run", "tear_down", "on_failure boom"] * 2),
                            ({"args": ["later"]}, ["set_up", "run", "tear_down", "on_retry try again",
                                                   "set_up", "run", "tear_down", "on_success"])):
        open(home + "/hooks", "w").close()
        task = run("hooks", payload)
        seen = open(home + "/hooks").read().splitlines()
        check("hooks", seen == wanted, (seen, task))
    print("ok - the hooks of a Job", flush=True)


def examples():
    """As users of the other systems write them."""
    check("adder.py", run("adder-py", {"args": [1, 2, 3], "kwargs": {}})["result"] == 6)
    check("adder.php", run("adder-php", {"args": [1, 2, 3]})["result"] == 6)
    told = subprocess.run(["/usr/bin/python3", "-c", "import adder; print(adder.Adder.push(1, 2, 3))"], cwd=EXAMPLES,
                          env=environment, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    eventually("Adder.push", lambda: json.loads(reeve("task", told, "--json"))["status"] == "completed")
    check("Adder.push", json.loads(reeve("task", told, "--json"))["result"] == 6)
    for language in ("c", "rb", "sh"):
        task = run("hello-" + language, {"times": 5})
        check("say-hello." + language, task["output"].splitlines() == ["%d. Hello" % i for i in range(1, 6)], task)
    task = run("fetch", {"files": ["a", "bc"]})
    check("fetch.js", task["result"] == {"files": 2, "bytes": 3}, task)
    job = json.loads(reeve("start", "import", "--payload", '{"file":"a.csv"}', "--wait", "--json"))
    report = [row for row in json.loads(reeve("tasks", job["id"], "--json")) if row["name"] == "ReportJob"][0]
    result = json.loads(reeve("task", report["id"], "--json"))["result"]
    check("import.rb", result == {"total": len("https://example.org/a.csv")}, result)
    print("ok - the examples", flush=True)


def write_configuration():
    queues = {"%s-%s" % (language, protocol): {"run": argv, "protocol": protocol}
              for language, argv in LANGUAGES.items() for protocol in ("exec", "stream")}
    queues["hooks"] = {"run": ["/usr/bin/python3", HANDLERS + "/hooks.py"]}
    queues["rows"] = {"type": "noop"}
    queues["adder"] = queues["adder-py"] = {"run": ["/usr/bin/python3", EXAMPLES + "/adder.py"], "protocol": "stream"}
    queues["adder-php"] = {"run": ["php", EXAMPLES + "/adder.php"], "protocol": "stream"}
    queues["hello-c"] = {"run": [C_HELLO]}
    queues["hello-rb"] = {"run": ["ruby", EXAMPLES + "/say-hello.rb"], "protocol": "stream"}
    queues["hello-sh"] = {"run": [EXAMPLES + "/say-hello.sh"]}
    queues["fetch"] = {"run": ["node", EXAMPLES + "/fetch.js"], "protocol": "stream"}
    queues["import"] = {"run": ["ruby", EXAMPLES + "/import.rb"], "protocol": "stream"}
    configuration = {"store": "sqlite:clients.db", "shutdown_grace": "6s", "queues": queues,
                     "defaults": {"retries": {"max": 1, "delay": "50ms"}, "kill_after": "3s", "lease": "5s"}}
    with open(home + "/reeve.yaml", "w") as out:
        json.dump(configuration, out)  # JSON is YAML
    workflows = {"spawn-" + queue: {"starts": ["t"], "tasks": {"t": {"queue": queue, "starts_manually": ["row"]},
                                                               "row": {"queue": "rows"}}}
                 for queue in queues if queue[-5:] in ("-exec", "tream")}
    workflows["rows"] = {"starts": ["t"], "tasks": {"t": {"queue": "rows"}}}
    workflows["import"] = {"tasks": {"FetchJob": {"queue": "import"}, "ReportJob": {"queue": "import", "after": ["FetchJob"]}}}
    os.mkdir(home + "/workflows")
    for name, workflow in workflows.items():
        with open("%s/workflows/%s.json" % (home, name), "w") as out:
            json.dump(workflow, out)
    return [queue for queue in queues if queue[-5:] in ("-exec", "tream")]


def start():
    supervisor = subprocess.Popen([REEVE, "-c", home + "/reeve.yaml", "run"], stdout=log, stderr=log, env=environment)
    eventually("the supervisor", lambda: subprocess.run([REEVE, "-c", home + "/reeve.yaml", "status"], env=environment,
                                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0)
    return supervisor


def stop(supervisor, code):
    supervisor.send_signal(signal.SIGTERM)
    check("the drain", supervisor.wait(timeout=60) == code, supervisor.returncode)


log = open(home + "/log", "w")
supervisor = None
try:
    queues = write_configuration()
    supervisor = start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        failures = [failure for failure in pool.map(expect_all, queues) if failure]
    check("expectations", not failures, failures)
    hooks()
    examples()
    stop(supervisor, 0)
    supervisor = start()
    waiting = [begin_to_wait(queue) for queue in queues]
    stop(supervisor, 1)
    for queue, task in zip(queues, waiting):
        check("a stop reaches " + queue, os.path.exists(home + "/cancelled." + queue))
        check("its task is given back", json.loads(reeve("task", task, "--json"))["status"] == "queued")
    print("ok - a stop reaches all of them")
except BaseException:
    log.flush()
    with open(home + "/log") as lines:
        sys.stdout.write("".join("log: " + line for line in lines.readlines()[-60:]))
    raise
finally:
    if supervisor and supervisor.poll() is None:
        supervisor.kill()
        supervisor.wait()
    shutil.rmtree(home)
