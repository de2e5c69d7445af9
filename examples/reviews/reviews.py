"""The nodes of a review: each either transforms what it is given, or saves or sends it."""
import json
import os
import sys

task = json.load(sys.stdin)
review = task["payload"]
folder = review["out"]
BAD = ("broken", "late", "never")


def append(name, line):
    with open(os.path.join(folder, name), "a", encoding="utf-8") as out:
        out.write(line + "\n")


def stars():
    given = review["earlier"] + [review["stars"]]
    return {"average": sum(given) / len(given)}


def sentiment():
    return {"mood": "bad" if any(word in review["text"] for word in BAD) else "good"}


def save():
    # What a parent found, or the review itself.
    found = [result for results in task["inputs"].values() for result in results]
    append("saved", f"{task['name']} {json.dumps(found[0] if found else review['text'])}")
    return None


def mail():
    append("mails", f"{task['name']}: {review['text']}")
    return None


result = {"stars": stars, "sentiment": sentiment, "save": save, "mail": mail}[task["queue"]]()
with os.fdopen(int(os.environ["REEVE_FD"]), "w") as reeve:
    print(json.dumps({"done": result}), file=reeve)
