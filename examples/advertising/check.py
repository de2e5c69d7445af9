"""Compares campaigns.json with what hotels.json asks for. usage: check.py HOTELS OUT"""
import json
import pathlib
import sys

hotels = json.loads(pathlib.Path(sys.argv[1]).read_text())
campaigns = json.loads((pathlib.Path(sys.argv[2]) / "campaigns.json").read_text())
wanted = sorted((h["city"], h["name"], language) for h in hotels for language in ("en", "es", "de"))
got = sorted((city, g["hotel"], g["language"]) for city, groups in campaigns.items() for g in groups)
if got != wanted:
    sys.exit(f"campaigns.json has {len(got)} ad groups, wanted {len(wanted)}")
empty = [g for groups in campaigns.values() for g in groups if not g["ads"] or len(g["keywords"]) != 3]
if empty:
    sys.exit(f"{len(empty)} ad groups were left empty")
print(f"{len(got)} ad groups in {len(campaigns)} campaigns, as hotels.json asks")
