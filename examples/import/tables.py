"""The two tables that are imported, as lists of rows."""
import subprocess

FIELDS = ("Package", "Version", "Installed-Size", "Depends")


def zones(path):
    with open(path, encoding="utf-8") as table:
        for line in table:
            if line.strip() and not line.startswith("#"):
                countries, position, zone, *_ = line.rstrip("\n").split("\t")
                yield {"countries": countries, "position": position, "zone": zone}


def packages(path):
    """Stanzas of a Packages index; apt knows how the file is compressed."""
    cat = subprocess.Popen(["/usr/lib/apt/apt-helper", "cat-file", path],
                           stdout=subprocess.PIPE, text=True, encoding="utf-8")
    row = {}
    for line in cat.stdout:
        if line == "\n":
            if row:
                yield row
            row = {}
        elif not line[0].isspace():
            key, _, value = line.partition(":")
            if key in FIELDS:
                row[key] = value.strip()
    if row:
        yield row
    if cat.wait() != 0:
        raise SystemExit(f"apt-helper cat-file {path}: exit {cat.returncode}")
