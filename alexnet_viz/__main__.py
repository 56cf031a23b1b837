"""`python -m alexnet_viz`."""

from alexnet_viz.cli import main

raise SystemExit(main())
