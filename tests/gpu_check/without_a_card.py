#!/usr/bin/env python3
"""tools/gpu_check on the programs of a build where there is no card: without_a_card.py FOLDER.

It has to end by itself, unsuccessfully, and its JSON has to say in one sentence why. Exit code 77, "skipped", where there is a card.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOOL = pathlib.Path(__file__).resolve().parent.parent.parent / "tools/gpu_check"


def has_card():
    try:
        return "GPU" in subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False


def check(condition, *what):
    if not condition:
        sys.exit("FAILED: " + " ".join(str(w) for w in what))


def run(scratch, *arguments, **environment):
    """-> exit code, the JSON or None, standard error"""
    out = scratch / "report.json"
    out.unlink(missing_ok=True)
    ran = subprocess.run([sys.executable, TOOL, "--out", out, *arguments], capture_output=True, text=True, timeout=100, env=os.environ | environment)
    return ran.returncode, json.loads(out.read_text()) if out.exists() else None, ran.stderr


def says_why(report, first):
    """Whether the step `first` failed, and all behind it were not run for a reason of one sentence."""
    names = [step["name"] for step in report["steps"]]
    for wanted in ("doctor", "test_card", "test_ops", "test_models", "test_pipeline", "picture bf16", "bench sd15 f16", "bench sdxl-turbo f16"):
        check(wanted in names, wanted, "is none of the steps", names)
    check(not any(step["ok"] for step in report["steps"]), "a step succeeded without a card:", report["steps"])
    check(report["figures"] == [], "there are figures:", report["figures"])
    check(names[0] == first and not report["steps"][0]["output"].startswith("not run"), "the first step is", report["steps"][0])
    reasons = {step["output"] for step in report["steps"][1:]}
    check(len(reasons) == 1, "several reasons:", reasons)
    reason = reasons.pop()
    check(reason.startswith("not run: ") and len(reason) > 20 and "\n" not in reason, "the reason is", repr(reason))
    return reason.removeprefix("not run: ")


def main():
    if has_card():
        print("skipped: there is a card")
        sys.exit(77)
    programs = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        code, report, _ = run(scratch, "--bin", programs)
        check(code == 1, "exit code", code)
        reason = says_why(report, "doctor")
        check(reason == report["steps"][0]["output"] == report["steps"][0]["report"]["error"], "doctor says", report["steps"][0])

        # No build, and nothing to build with.
        code, report, _ = run(scratch, "--bin", scratch / "build/bin", PATH=str(scratch))
        check(code == 1, "exit code without a build", code)
        check("no build" in says_why(report, "configure"), "without a build:", report["steps"][-1])

        code, report, error = run(scratch, "pack", scratch / "build.tar.xz", "--bin", scratch / "build/bin")
        check(code == 1 and report is None and "./check" in error, "packing no build:", code, error)
    print("ok:", reason)


if __name__ == "__main__":
    main()
