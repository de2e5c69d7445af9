"""Each row of docs/accidents.md names tests that are there, or says why its accident can't happen."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
tests = root / "tests"


def is_there(name):
    """test_x.name, contract_x.name: a function; stories/x: a story; x.py: a program."""
    if "/" in name:
        return (tests / f"{name}.sh").is_file()
    if name.endswith(".py"):
        return (tests / name).is_file()
    file, function = name.split(".")
    path = tests / f"{file}.c"
    return path.is_file() and re.search(rf"\bvoid {function}\(void\)", path.read_text()) is not None


wrong = []
rows = 0
for line in (root / "docs" / "accidents.md").read_text().splitlines():
    if not line.startswith("| ") or line.startswith("| accident |"):
        continue
    rows += 1
    cells = line.strip("|").split(" | ")
    if len(cells) != 3 or not cells[1].strip():
        wrong.append(f"not three cells: {line}")
        continue
    names = re.findall(r"`((?:test|contract)_\w+\.\w+|stories/\w+|\w+\.py)`", cells[2])
    wrong += [f"no such test: {name}" for name in names if not is_there(name)]
    if not names and "can't happen" not in cells[2]:
        wrong.append(f"neither a test nor a reason: {cells[0]}")
if rows < 50:
    wrong.append(f"only {rows} rows")
print("\n".join(wrong) or f"{rows} accidents")
sys.exit(bool(wrong))
