"""``python -m einthoven``."""

from einthoven.cli import main

raise SystemExit(main())
