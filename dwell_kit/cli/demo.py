"""`dwell demo`: a simulated week through the whole house, its figures beside the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from dwell_kit.cli.options import Json
from dwell_kit.cli.output import show
from dwell_kit.schema.text import duration, is_duration

_ALIKE = 0.15
"""Detection is no arithmetic: how far a figure of a video may be off its truth."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where everything goes; replaced.")] = Path("demo"),
    days: Annotated[int, typer.Option(min=1)] = 7,
    seed: int = 1,
    report: Annotated[bool, typer.Option(help="Write the daily report too.")] = True,
    video: Annotated[bool, typer.Option(help="Track two rendered cameras too.")] = True,
    as_json: Json = False,
) -> None:
    """Simulate a campus and two cameras, print their figures beside the truth, write the daily report."""
    import dwell_kit as dk
    from dwell_kit.simulate import people

    if folder.exists() and not (folder / "truth.json").exists() and any(folder.iterdir()):
        raise typer.BadParameter(f"{folder} is not empty and not a demo", param_hint="FOLDER")
    shutil.rmtree(folder, ignore_errors=True)

    def tell(text: str) -> None:
        if not as_json:
            typer.echo(text)

    with dk.open(folder / "workspace") as ws:
        tell(f"simulating {days} days of a campus (seed {seed}) in {folder}")
        people.write(people.simulate_campus(days=days, seed=seed), folder)
        for name in ("appearances.csv", "insights.json"):
            found = ws.ingest(folder / name, notes="simulated")
            tell(
                f"{name}: {found.rows_read:,} rows read, {found.accepted:,} accepted, {found.rejected:,} rejected"
            )
        summary = ws.summary()
    truth = json.loads((folder / "truth.json").read_text())
    compared = _beside(summary, truth)
    if not as_json:
        show(compared, as_json=False, title="figures of the SIMULATED week beside their truth")
    written = None
    if report:
        from dwell_kit.report.run import run_report

        run = run_report("daily", workspace=folder / "workspace", parameters={}, output=folder / "reports")
        written = str(run.folder)
        tell(f"daily report: {written}")
    seen = _track(folder / "video", tell) if video else None
    if seen and not as_json:
        show(seen, as_json=False, title="figures of two RENDERED cameras beside their truth (alike: within 15 %)")
    if as_json:
        said = {"simulated": True, "folder": str(folder), "figures": compared, "report": written, "video": seen}
        show(said, as_json=True)
    if wrong := [row["figure"] for row in compared if row["equal"] != "yes"]:
        typer.echo(f"figures that differ from the observable truth: {', '.join(wrong)}", err=True)
        raise typer.Exit(1)


def _track(folder: Path, tell: Callable[[str], None]) -> list[dict[str, Any]] | None:
    """Figures of a rendered scene beside its truth; None where the packages for video are not installed."""
    import dwell_kit as dk
    from dwell_kit.simulate import scene

    if find_spec("cv2") is None or find_spec("scipy") is None:
        tell('video was left out: it needs more packages, pip install "dwell-kit[vision]"')
        return None
    made = scene.write(folder)
    with dk.open(folder / "workspace") as ws:
        report = ws.track(made.cameras, start="2025-05-01T09:00:00Z", zones=[scene.SHOP], notes="rendered")
        tell(f"two rendered cameras: {report.accepted:,} positions; {report.notes[-1]}")
        found = {**ws.summary(), "shop_dwell_sum_s": ws.summary(zone=scene.SHOP.name)["dwell_sum_s"]}
    return [
        {
            "figure": name,
            "dwell_kit": _said(name, found[name]),
            "truth": _said(name, true),
            "alike": "yes" if abs(found[name] - true) <= _ALIKE * true else "NO",
        }
        for name, true in made.truth().items()
    ]


def _beside(summary: dict[str, Any], truth: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, value in summary.items():
        if name in truth["observable"]:
            observable, world = truth["observable"][name], truth["world"].get(name)
            rows.append(
                {
                    "figure": name,
                    "dwell_kit": _said(name, value),
                    "observable truth": _said(name, observable),
                    "world": _said(name, world),
                    "equal": "yes" if _equal(value, observable) else "NO",
                }
            )
    return rows


def _said(name: str, value: Any) -> str:
    if isinstance(value, float):
        return duration(value) if is_duration(name) else f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, int | float):
        return abs(found - expected) <= 1e-6 * max(1.0, abs(expected))
    return found == expected
