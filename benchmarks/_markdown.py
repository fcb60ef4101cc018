"""Pieces of the report that all sections use."""


def table(head, rows):
    """A markdown table; numbers are right-aligned, the first column is not."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, rule, *rows]]


def provenance(result):
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    load = " ".join(map(str, result["load_before"]))
    return [
        f"`{result['command']}`, {result['date']}, commit {result['commit']}, seeds "
        f"{result['seeds'][0]} to {result['seeds'][-1]}. {result['cpu']}, {result['n_cpus']} CPUs "
        f"(load {load} before), {result['threads']} thread; Python {result['python']}, {versions}.",
        "",
    ]


def met(flag):
    return "yes" if flag else "**no**"
