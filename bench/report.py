"""Records, and what is made of them: JSON, a Markdown table, curves."""

import json
import os
import statistics
from collections import defaultdict

from machine import IDLE

TASK = ("task", "shape", "layout", "dtype", "threads")


class Report:
    """Collects the records of one process, prints them as they come and writes
    them to a file, one a line, if there is one."""

    def __init__(self, file=None):
        self.file = file
        self.records = []

    def begin(self, task):
        """Leaves in the file what is about to be measured."""
        if self.file:
            print(json.dumps({"begin": task}), file=self.file, flush=True)

    def add(self, task, peer, min_s=None, median_s=None, error=None, note="", **more):
        """One record; `task` is a dict with the keys of TASK. One without
        times says why in its note."""
        if set(task) != set(TASK):
            raise ValueError(f"a task has the keys {', '.join(TASK)}, found {', '.join(task)}")
        if min_s is None and not note:
            raise ValueError("a record without times says why in its note")
        record = dict(task, peer=peer, min_s=min_s, median_s=median_s, error=error, note=note, **more)
        self.records.append(record)
        if self.file:
            print(json.dumps(record), file=self.file, flush=True)
        print("  " + line(record), flush=True)


def label(record):
    """The peer, and what of ours it is."""
    return record["peer"] + (f" {record['strategy']}" if record.get("strategy") else "")


def size(record):
    system = f" {record['system']}" if record.get("system") else ""
    return f"{record['layout']} {'x'.join(map(str, record['shape']))} {record['dtype']}{system}"


def line(record):
    what = record["note"] if record["min_s"] is None else f"{record['median_s'] * 1e3:10.4f} ms"
    ratio = f"  {record['ratio']:8.2f} x" if record.get("ratio") else ""
    error = f"  error {record['error']:.1e}" if record["error"] is not None else ""
    return f"{record['task']} {size(record)}  {label(record):30} {what}{ratio}{error}"


def write(stem, records, head, quick):
    """stem.json, stem.md and the pictures; a failure leaves the old ones."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    pictures = draw(stem, records)
    for suffix, text in ((".json", json.dumps(records, indent=1) + "\n"),
                         (".md", markdown(stem.name, records, head, pictures, quick))):
        temporary = stem.with_suffix(".tmp")
        temporary.write_text(text)
        os.replace(temporary, stem.with_suffix(suffix))
    print(f"== {stem.name}: {len(records)} records in {stem.with_suffix('.json')}, tables in "
          f"{stem.with_suffix('.md')}{', curves in ' + ', '.join(p.name for p in pictures) if pictures else ''}")


# The table.

def milliseconds(value):
    return "" if value is None else f"{value * 1e3:.4g}"


def quotable(records, quick):
    """One sentence: may these figures be quoted?"""
    others = [r["others"] for r in records if r.get("others") is not None]
    if quick:
        return "Not quotable: a smoke test."
    if not others:
        return "Not quotable: it is not known whether the machine was idle."
    typical, most = statistics.median(others), max(others)
    busy = sum(x > IDLE for x in others)
    text = (f"Other programs kept {typical:.2f} cores busy (median over the races; {most:.2f} at most, above {IDLE} in "
            f"{busy / len(others):.0%} of the records)")
    return f"{text}." if typical <= IDLE and busy <= 0.1 * len(others) else f"Not quotable: the machine was shared. {text}."


def markdown(name, records, head, pictures, quick):
    out = [f"# Benchmark {name}", "", quotable(records, quick), ""]
    out += [f"- {key}: {value}" for key, value in head.items() if value]
    out += ["", "min and median in ms; \"ratio\" is the peer's time over ours, the median of the ratios of samples "
            "taken in the same round; \"error\" is norm-wise against float64.", ""]
    out += summary(records)
    groups = defaultdict(list)
    for record in records:
        groups[record["task"], size(record)].append(record)
    titles = dict.fromkeys(task for task, _ in groups)
    for title in titles:
        out += [f"## {title}", "", "| shape | peer | threads | min | median | ratio | error | note |",
                "|---|---|---|---|---|---|---|---|"]
        for (task, where), group in groups.items():
            if task == title:
                out += [row(where, record) for record in sorted(group, key=lambda r: (r["threads"], r["median_s"] or 1e9))]
        out.append("")
    out += [f"![{path.stem}]({path.name})\n" for path in pictures]
    return "\n".join(out)


def row(where, record):
    ratio, error = record.get("ratio"), record["error"]
    peer = label(record) + (" (chosen)" if record.get("chosen") else "")
    cells = [where, f"**{peer}**" if record["peer"] == "ssm" else peer, str(record["threads"]),
             milliseconds(record["min_s"]), milliseconds(record["median_s"]), f"{ratio:.2f}" if ratio else "",
             "" if error is None else f"{error:.1e}", record["note"].replace("|", "/")]
    return f"| {' | '.join(cells)} |"


def summary(records):
    """For a benchmark with choices: how good the choices and estimates are."""
    lines = []
    for threads in sorted({r["threads"] for r in records if r.get("chosen")}):
        quality = choices([r for r in records if r["threads"] == threads])
        lines.append(f"- {threads} thread{'s' if threads > 1 else ''}, {quality['problems']} problems: the chosen "
                     f"strategy is within 1.25 x of the fastest on {quality['within_1.25']:.1%}, within 2 x on "
                     f"{quality['within_2']:.1%} (worst {quality['worst']:.2f} x); {quality['estimates']:.1%} of "
                     f"{quality['estimated']} estimates are within 2 x of the measured time.")
    return [*lines, ""] if lines else []


def choices(records):
    """The figures of the choices in records with "strategy", "chosen" and
    "estimate_s"."""
    problems = defaultdict(list)
    for record in records:
        if record.get("strategy") and record["min_s"] is not None:
            problems[record["task"], size(record)].append(record)
    losses, good, estimated = [], 0, 0
    for group in problems.values():
        chosen = [r["median_s"] for r in group if r.get("chosen")]
        if chosen:
            losses.append(chosen[0] / min(r["median_s"] for r in group))
        for record in group:
            if record.get("estimate_s"):
                estimated += 1
                good += 0.5 <= record["estimate_s"] / record["median_s"] <= 2
    count = len(losses) or 1
    return {"problems": len(losses), "within_1.25": sum(x <= 1.25 for x in losses) / count,
            "within_2": sum(x <= 2 for x in losses) / count, "worst": max(losses, default=float("nan")),
            "estimated": estimated, "estimates": good / (estimated or 1)}


# The curves.

def families(records):
    """{(title, threads): {peer: {L: seconds}}} of what differs in L alone. Ours
    is one curve, or one for each strategy where several were timed."""
    found = defaultdict(lambda: defaultdict(dict))
    several = {r["task"] for r in records if "chosen" in r} | {"recurrence"}
    for record in records:
        at = record["layout"].find("t")
        if record["median_s"] is None or at < 0:
            continue
        name = label(record) if record["task"] in several else record["peer"]
        rest = ["L" if i == at else str(n) for i, n in enumerate(record["shape"])]
        title = f"{record['task']} {size(dict(record, shape=rest))}"
        found[title, record["threads"]][name][record["shape"][at]] = record["median_s"]
    return {key: curves for key, curves in found.items() if max(map(len, curves.values())) >= 3}


def draw(stem, records):
    """One picture for each family of curves, time against L; their paths."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    titles = defaultdict(dict)
    for (title, threads), curves in families(records).items():
        titles[title][threads] = curves
    # A name has one colour in all pictures.
    names = {name for panels in titles.values() for curves in panels.values() for name in curves}
    numbers = {name: i for i, name in enumerate(sorted(names, key=order))}
    paths = []
    for number, (title, panels) in enumerate(titles.items()):
        figure, axes = plt.subplots(1, len(panels), figsize=(5.2 * len(panels) + 2.4, 4.6), sharey=True, squeeze=False)
        for axis, (threads, curves) in zip(axes[0], sorted(panels.items())):
            draw_panel(axis, curves, numbers)
            axis.set_title(f"{threads} thread{'s' if threads > 1 else ''}", fontsize=10)
            axis.set_xlabel("L (steps)")
        axes[0][0].set_ylabel("time (s), median")
        figure.suptitle(title, fontsize=11)
        handles = {text: handle for axis in axes[0] for handle, text in zip(*axis.get_legend_handles_labels())}
        figure.legend(handles.values(), handles.keys(), loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8,
                      frameon=False)
        figure.tight_layout()
        paths.append(stem.with_name(f"{stem.name}-{number + 1}.png"))
        figure.savefig(paths[-1], dpi=120, bbox_inches="tight")
        plt.close(figure)
    return paths


def order(name):
    """Ours first, the limit last."""
    return name == "limit", not name.startswith("ssm"), name


def draw_panel(axis, curves, numbers):
    palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f", "#bcbd22", "#9467bd"]
    for name in sorted(curves, key=order):
        points = sorted(curves[name].items())
        if name == "limit":
            style = dict(color="black", linestyle="--", linewidth=1.2)
        else:
            row, column = divmod(numbers[name], len(palette))
            style = dict(color=palette[column], linestyle="-:"[row % 2], marker="o",
                         markersize=3.5, linewidth=2.4 if name.startswith("ssm") else 1.1)
        axis.plot(*zip(*points), label=name, **style)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.grid(True, which="major", alpha=0.3)
