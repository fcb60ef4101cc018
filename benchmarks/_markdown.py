"""Pieces of the report that all sections use."""


def table(head, rows):
    """A markdown table; numbers are right-aligned, the first column is not."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, rule, *rows]]


def provenance(result):
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    load = " ".join(map(str, result["load_before"]))
    seeds = result["seeds"]
    drawn = f", seeds {seeds[0]} to {seeds[-1]}" if seeds else ""
    return [
        f"`{result['command']}`, {result['date']}, commit {result['commit']}{drawn}. "
        f"{result['cpu']}, {result['n_cpus']} CPUs "
        f"(load {load} before), {result['threads']} thread; Python {result['python']}, {versions}.",
        "",
    ]


def met(flag):
    return "yes" if flag else "**no**"
