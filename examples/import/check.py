"""Compares a report with the table it was made from, worked out again here.
usage: check.py zones|packages TABLE OUT"""
import json
import pathlib
import re
import sys
import zoneinfo
from datetime import datetime, timezone

import tables

kind, table, out = sys.argv[1:]
report = json.loads((pathlib.Path(out) / f"{kind}.json").read_text())
rows = list(getattr(tables, kind)(table))


def decimal(part):
    sign, digits = part[0], part[1:]
    seconds = digits[-2:] if len(digits) >= 6 else "0"
    minutes = digits[-4:-2] if len(digits) >= 6 else digits[-2:]
    whole = digits[:-4] if len(digits) >= 6 else digits[:-2]
    value = int(whole) + int(minutes) / 60 + int(seconds) / 3600
    return -value if sign == "-" else value


def check_zones():
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    wanted = []
    for row in rows:
        north, east = re.fullmatch(r"([+-]\d+)([+-]\d+)", row["position"]).groups()
        offset = moment.astimezone(zoneinfo.ZoneInfo(row["zone"])).strftime("%z")
        wanted.append((row["zone"], round(decimal(north), 6), round(decimal(east), 6), offset))
    got = [(r["zone"], round(r["north"], 6), round(r["east"], 6), r["offset"]) for r in report["rows"]]
    if sorted(got) != sorted(wanted):
        sys.exit(f"zones.json differs from the table: {sorted(set(wanted) ^ set(got))[:3]}")
    return f"{len(got)} zones, each as the table has it"


def check_packages():
    kilobytes = sum(int(row.get("Installed-Size", 0)) for row in rows)
    dependencies = sum(len(row["Depends"].split(",")) for row in rows if row.get("Depends"))
    wanted = (len(rows), kilobytes, dependencies)
    got = (report["packages"], report["kilobytes"], report["dependencies"])
    if got != wanted:
        sys.exit(f"packages.json has {got}, the index {wanted}")
    return f"{len(rows)} packages, {kilobytes} KB, {dependencies} dependencies, as in the index"


print({"zones": check_zones, "packages": check_packages}[kind]())
