"""Floor 8. Many runs or bundles under protocols, side by side: results/*.json."""

from einthoven.suites._one import judge_ensemble, judge_one
from einthoven.suites._suite import load_suite, run_suite, suite_names

__all__ = ["judge_ensemble", "judge_one", "load_suite", "run_suite", "suite_names"]
