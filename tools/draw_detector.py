#!/usr/bin/env python3
"""Draws the failure detector's curves from the table of bench/detector, as SVG, without anything but Python.

  build/release/bench/detector > docs/detector.csv && tools/draw_detector.py docs/detector.csv docs/detector.svg
"""

import csv
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 200, 62, 56, 82
COLOURS = {0: "#1b7837", 20: "#2166ac", 100: "#b2182b"}


def value(row, key):
    return float(row[key])


def ticks(top):
    step = next(s * 10 ** e for e in range(-2, 6) for s in (1, 2, 5) if top / (s * 10 ** e) <= 5)
    out, at = [], 0.0
    while at <= top + step / 2:
        out.append(at)
        at += step
    return out


def panel(out, x, y, title, unit, series):
    """series: (label, colour, dashed, [(loss, value)])"""
    top = max([v for _, _, _, points in series for _, v in points] + [1])
    marks = ticks(top)
    top = max(top, marks[-1])
    out.append(f'<text x="{x}" y="{y - 12}" class="title">{title}</text>')
    for mark in marks:
        at = y + HEIGHT - mark / top * HEIGHT
        out.append(f'<line x1="{x}" x2="{x + WIDTH}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>')
        out.append(f'<text x="{x - 6}" y="{at + 4:.1f}" class="tick" text-anchor="end">{mark:g}</text>')
    for loss in range(0, 51, 10):
        at = x + loss / 50 * WIDTH
        out.append(f'<text x="{at:.1f}" y="{y + HEIGHT + 16}" class="tick" text-anchor="middle">{loss}</text>')
    out.append(f'<text x="{x + WIDTH / 2}" y="{y + HEIGHT + 32}" class="tick" text-anchor="middle">loss of each datagram, %</text>')
    out.append(f'<text x="{x - 48}" y="{y + HEIGHT / 2}" class="tick" text-anchor="middle" transform="rotate(-90 {x - 48} {y + HEIGHT / 2})">{unit}</text>')
    for _, colour, dashed, points in series:
        path = " ".join(f"{x + loss / 50 * WIDTH:.1f},{y + HEIGHT - v / top * HEIGHT:.1f}" for loss, v in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    sizes = sorted({int(r["nodes"]) for r in rows})
    pauses = sorted({int(r["pause_ms"]) for r in rows})

    def curves(nodes, key):
        return [(pause, [(int(r["loss"]), value(r, key)) for r in rows if int(r["nodes"]) == nodes and int(r["pause_ms"]) == pause]) for pause in pauses]
    kinds = (("time to a verdict on a silent process", "ms; dashed: the last", ("detected_median_ms", "detected_max_ms")),
             ("suspicions of the living", "a node and hour", ("suspicions_per_node_hour",)),
             ("length of such a suspicion", "ms", ("suspicion_ms",)),
             ("verdicts on the living", "a node and hour", ("false_verdicts_per_node_hour",)))
    width = LEFT + len(kinds) * (WIDTH + GAP)
    height = TOP + len(sizes) * (HEIGHT + GAP) + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">',
           "<style>.title{font-size:13px;font-weight:bold}.tick{font-size:11px;fill:#444}.grid{stroke:#ddd}</style>",
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for line, nodes in enumerate(sizes):
        for column, (title, unit, keys) in enumerate(kinds):
            series = [(pause, COLOURS.get(pause, "#555"), index > 0, points) for index, key in enumerate(keys) for pause, points in curves(nodes, key)]
            panel(out, LEFT + column * (WIDTH + GAP), TOP + line * (HEIGHT + GAP), f"{nodes} nodes: {title}", unit, series)
    x = LEFT
    for pause in pauses:
        label = "no stalls" if pause == 0 else f"a stall of {pause} ms (mean) each second, in each node"
        out.append(f'<rect x="{x}" y="{height - 18}" width="14" height="4" fill="{COLOURS.get(pause, "#555")}"/>')
        out.append(f'<text x="{x + 20}" y="{height - 12}" class="tick">{label}</text>')
        x += 330
    out.append("</svg>")
    with open(sys.argv[2], "w", encoding="ascii") as file:
        file.write("\n".join(out) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
