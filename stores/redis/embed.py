#!/usr/bin/env python3
"""Puts the scripts of the Redis store together and writes them as C.

usage: embed.py HEADER SOURCE FOLDER
Each act_NAME.lua begins with `--#flags` (of the `#!lua` line, see
https://redis.io/docs/latest/develop/programmability/eval-intro/#eval-flags) and `--#needs`: the files
that go in front of it. Comments and indentation are left out."""
import hashlib
import pathlib
import sys

header_path, source_path, folder = map(pathlib.Path, sys.argv[1:])


def body(path):
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line.split(" -- ")[0].rstrip() for line in lines if line and not line.startswith("--")]


def put_together(path):
    marks = [line[3:].split() for line in path.read_text(encoding="utf-8").splitlines()
             if line.startswith("--#")]
    flags = [words[1:] for words in marks if words[0] == "flags"][0]
    needs = [words[1:] for words in marks if words[0] == "needs"][0]
    first = "#!lua" + (" flags=" + ",".join(flags) if flags else "") + "\n"
    lines = [line for name in needs for line in body(folder / f"{name}.lua")] + body(path)
    return first, "\n".join(lines) + "\n"


header, source, table = [], [], []
for act in sorted(folder.glob("act_*.lua")):
    name = act.stem[len("act_"):]
    first, rest = put_together(act)
    whole = (first + rest).encode()
    bytes_ = ",".join(str(byte) for byte in whole)
    header.append(f"\tREDIS_{name.upper()},")
    source.append(f"static const char {name}_text[] = {{{bytes_},0}};")
    sha_whole = hashlib.sha1(whole).hexdigest()
    sha_rest = hashlib.sha1(rest.encode()).hexdigest()
    table.append(f'\t[REDIS_{name.upper()}] = {{ "{name}", {name}_text, sizeof {name}_text - 1, {len(first)},'
                 f' "{sha_whole}", "{sha_rest}" }},')

header_path.write_text("#pragma once\n/* Made by stores/redis/embed.py: one script per act. */\n"
                       "#include <stddef.h>\n\nenum redis_script {\n" + "\n".join(header) +
                       "\n\tREDIS_SCRIPTS\n};\n\n"
                       "struct redis_script_text {\n\tconst char *name, *text;\n"
                       "\tsize_t length, first_line;\n\tconst char *sha1, *sha1_rest;\n};\n"
                       "extern const struct redis_script_text redis_script_texts[REDIS_SCRIPTS];\n")
source_path.write_text(f'#include "{header_path.name}"\n\n' + "\n".join(source) +
                       "\n\nconst struct redis_script_text redis_script_texts[REDIS_SCRIPTS] = {\n" +
                       "\n".join(table) + "\n};\n")
