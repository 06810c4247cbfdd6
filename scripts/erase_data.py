"""``make clean DATA=1``: delete the database and all state of this installation, after asking."""

from __future__ import annotations

import shutil
import sys

from ssa_pipeline.local.postgres.address import embedded_server
from ssa_pipeline.local.services import stopping
from ssa_pipeline.settings import read_settings


def main() -> int:
    settings = read_settings()
    if not settings.home.exists():
        print(f"there is no data: {settings.home} does not exist")
        return 0
    server = embedded_server(settings)
    doomed = [settings.home]
    if server.exists() and settings.home not in server.cluster_dir.parents:
        doomed.append(server.cluster_dir.parent)
    print("This stops the services and DELETES for ever, with every snapshot, event and run:")
    for path in doomed:
        print(f"  {path}")
    if not sys.stdin.isatty() or input("Type 'delete' to go on: ") != "delete":
        print("nothing was deleted")
        return 1
    stopping.down(settings)
    server.remove()
    shutil.rmtree(settings.home)
    print("deleted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
