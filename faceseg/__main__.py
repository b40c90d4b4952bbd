"""``python -m faceseg`` is the ``faceseg`` command."""

from faceseg.cli import main

raise SystemExit(main())
