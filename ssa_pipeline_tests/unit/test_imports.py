"""What the import contracts of pyproject.toml (`make check`) leave open."""

from __future__ import annotations

import grimp


def test_no_module_imports_the_folder_it_lies_in_where_that_imports_the_module() -> None:
    """`acyclic_siblings` compares modules that lie side by side, so a folder's ``__init__`` and what lies in it escape
    it; with this no import circle is left, at whatever depth and however lazy."""
    graph = grimp.build_graph("ssa_pipeline", cache_dir=None)
    circles = [
        (module, folder)
        for module in graph.modules
        for folder in graph.find_modules_directly_imported_by(module)
        if module.startswith(f"{folder}.") and graph.chain_exists(importer=folder, imported=module)
    ]
    assert circles == []
