"""
Reads a block of the documentation from stdin: it must be Python, and what it imports must be there. Nothing of it is run.
The arguments: where the block stands, then the modules that need not be there.
"""

import ast
import importlib
import importlib.util
import sys

place, *foreign = sys.argv[1:]


def check(module, names):
    if module in foreign:
        return
    if importlib.util.find_spec(module.split('.')[0]) is None:
        sys.exit(f'{place}: there is no module {module}')
    found = importlib.import_module(module)
    for name in names:
        if not hasattr(found, name):
            sys.exit(f'{place}: {module} has no {name}')


for node in ast.walk(ast.parse(sys.stdin.read(), place)):
    if isinstance(node, ast.Import):
        for alias in node.names:
            check(alias.name, [])
    elif isinstance(node, ast.ImportFrom):
        check(node.module, [alias.name for alias in node.names])
