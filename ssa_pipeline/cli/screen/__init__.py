"""``ssa screen``: catalogue files in, events.csv out, without a database. From the options (`request`) over the files
(`catalogs`) and the engine (`engine`) to what is said and written of it (`report`).

What does not belong here: the columns of events.csv (`cli.events_csv`), and numerics (`core.screening`).
"""

from ssa_pipeline.cli.screen.command import register as register
