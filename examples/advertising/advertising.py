"""The handlers of the advertising workflow, one function per task name."""
import json
import os
import pathlib
import sys

LANGUAGES = {"en": "hotel in {}", "es": "hotel en {}", "de": "Hotel in {}"}


def tell(message):
    with os.fdopen(int(os.environ["REEVE_FD"]), "w", closefd=False) as reeve:
        reeve.write(json.dumps(message) + "\n")


def generate(task):
    """Empty ad groups: one per hotel and language."""
    hotels = json.loads(pathlib.Path(task["payload"]["hotels"]).read_text())
    return [{"hotel": h["name"], "city": h["city"], "stars": h["stars"], "language": language}
            for h in hotels for language in LANGUAGES]


def split(task):
    """One task per ad group; the groups are the result of the task before."""
    groups = task["inputs"]["ad:group:generate"][0]
    children = [{"task": "ad:group:children:generate", "payload": group} for group in groups]
    tell({"spawn": children})
    return len(children)


def fill(task):
    group = task["payload"]
    base = LANGUAGES[group["language"]].format(group["city"])
    keywords = sorted({base, f"{group['hotel']} {group['city']}".lower(),
                       f"{group['stars']} * {base}"})
    ads = [{"headline": f"{group['hotel']} {'*' * group['stars']}", "line": line}
           for line in (base, f"{group['city']}: {group['hotel']}")]
    return {**group, "keywords": keywords, "ads": ads}


def package(task):
    """One campaign per city, of all the ad groups that the gate waited for."""
    campaigns = {}
    for group in task["inputs"]["ad:group:children:generate"]:
        campaigns.setdefault(group["city"], []).append(group)
    out = pathlib.Path(task["payload"]["out"])
    out.mkdir(parents=True, exist_ok=True)
    partial = out / "campaigns.json.partial"
    partial.write_text(json.dumps(campaigns, indent=1, sort_keys=True))
    partial.rename(out / "campaigns.json")
    return {city: len(groups) for city, groups in sorted(campaigns.items())}


STEPS = {"ad:group:generate": generate, "ad:group:children:split": split,
         "ad:group:children:generate": fill, "campaign:package": package}

envelope = json.load(sys.stdin)
tell({"done": STEPS[envelope["name"]](envelope)})
