#!/usr/bin/env python3
"""measure_house.py [--root DIR] [--json]: figures about the structure of src/.

Prints lines and assertions of each room, the ten classes with the most methods and fields, the longest files, and the
rooms by number of files. All by reading the text of headers: a method is a declaration with parameters in the body of a
class, a field is a declaration that ends with a name and `;`.
"""
import argparse
import json
import re
import sys
from pathlib import Path

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
CLASS = re.compile(r"\b(?:class|struct)\s+(?:\[\[\w+\]\]\s+)?(?:MOSAIK_EXPORT\s+)?([A-Z][\w:]*)\s*(?:final\s*)?(?::[^{;=()]*)?\{")
CORES = ["identity", "link", "transport/quic", "discovery", "detector", "bonds", "consensus", "groups", "node"]


def body_of(text, start):
    """The text between the brace at `start` - 1 and its partner."""
    depth, at = 1, start
    while depth and at < len(text):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start:at - 1]


def members(body):
    """Methods and fields of a class body: what stands in inner braces, parentheses and templates does not count."""
    flat, depth = [], 0
    for char in body:
        if char == "{":
            depth += 1
            if depth == 1:
                flat.append(";" if "".join(flat).rstrip().endswith((")", "const", "noexcept", "override", "}")) else "{}")
        elif char == "}":
            depth -= 1
        elif depth == 0:
            flat.append(char)
    text = re.sub(r"\b(public|private|protected):", "", "".join(flat))
    methods = fields = 0
    for line in text.split(";"):
        line = " ".join(re.sub(r"\[\[\w+\]\]", "", line).split()).replace("{}", "")
        if not line or re.match(r"(using|friend|static constexpr|static inline constexpr|enum|class|struct|template <[^>]*> (class|struct))\b", line):
            continue
        bare = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", line)))
        head = bare.split("=")[0]
        if "(" in head:
            methods += 1
        elif re.search(r"\w\s+[*&]?\w+(\[\w*\])?\s*$", head.strip()) or re.search(r"[*&>]\s*\w+$", head.strip()):
            fields += 1
    return methods, fields


def room_of(path, src):
    parts = path.relative_to(src).parts
    return "/".join(parts[:2]) if parts[0] == "transport" else parts[0]


def measure(root):
    src = root / "src"
    rooms, classes, files = {}, [], []
    for path in sorted(src.rglob("*.[hc]pp")):
        text = path.read_text(encoding="utf-8")
        room = rooms.setdefault(room_of(path, src), {"files": 0, "lines": 0, "assertions": 0})
        room["files"] += 1
        room["lines"] += text.count("\n")
        code = COMMENT.sub("", text)
        room["assertions"] += len(re.findall(r"\bMOSAIK_ASSERT\w*\(", code))
        files.append((text.count("\n"), str(path.relative_to(root))))
        if path.suffix == ".hpp":
            for found in CLASS.finditer(code):
                methods, fields = members(body_of(code, found.end()))
                classes.append({"class": found.group(1), "file": str(path.relative_to(root)), "methods": methods, "fields": fields})
    classes.sort(key=lambda one: (-(one["methods"] + one["fields"]), one["class"]))
    lines = sum(room["lines"] for room in rooms.values())
    core = [rooms[name] for name in CORES if name in rooms]
    return {
        "lines": lines,
        "assertions": sum(room["assertions"] for room in rooms.values()),
        "core_lines": sum(room["lines"] for room in core),
        "core_assertions": sum(room["assertions"] for room in core),
        "rooms": rooms,
        "largest_classes": classes[:10],
        "longest_files": [{"lines": count, "file": name} for count, name in sorted(files, reverse=True)[:10]],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--json", action="store_true")
    wishes = parser.parse_args()
    found = measure(wishes.root.resolve())
    if wishes.json:
        print(json.dumps(found, indent=1))
        return 0
    print(f"src: {found['lines']} lines, {found['assertions']} assertions")
    per = found["core_lines"] / max(1, found["core_assertions"])
    print(f"cores: {found['core_lines']} lines, {found['core_assertions']} assertions, one for {per:.0f} lines")
    for name, room in found["rooms"].items():
        print(f"  {name:16} {room['files']:3} files {room['lines']:6} lines {room['assertions']:4} assertions")
    print("largest classes, by methods and fields:")
    for one in found["largest_classes"]:
        print(f"  {one['class']:28} {one['methods']:4} methods {one['fields']:3} fields  {one['file']}")
    print("longest files:")
    for one in found["longest_files"]:
        print(f"  {one['lines']:5}  {one['file']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
