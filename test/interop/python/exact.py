"""Where two Python values differ in value or in type: the judge of "every other key survives".
Stricter than ==: 1 is not 1.0, nor Int64(1), -0.0 is not 0.0, and nan is nan."""

from bson.int64 import Int64

from tagged import to_tagged


def differing_paths(left, right, path=(), int64_as_int=False):
    """Every path, as a list of keys and indexes, at which the values are not the same.

    The order of keys counts too, below the top: Python keeps it, and a value nobody touched has it unchanged.
    With `int64_as_int` the two kinds of integer are one: JSON has no second.
    """
    if int64_as_int:
        left, right = (int(value) if type(value) is Int64 else value for value in (left, right))
    if type(left) is not type(right):
        return [list(path)]
    if isinstance(left, dict):
        return differing_members(left, right, path, int64_as_int)
    if isinstance(left, (list, tuple)):
        if len(left) != len(right):
            return [list(path)]
        pairs = enumerate(zip(left, right))
        return [found for index, pair in pairs for found in differing_paths(*pair, (*path, index), int64_as_int)]
    return [] if to_tagged(left) == to_tagged(right) else [list(path)]


def differing_members(left, right, path, int64_as_int):
    found = [[*path, key] for key in left if key not in right]
    found += [[*path, key] for key in right if key not in left]
    shared = [key for key in left if key in right]
    for key in shared:
        found += differing_paths(left[key], right[key], (*path, key), int64_as_int)
    if path and shared != [key for key in right if key in left]:
        found.append(list(path))
    return found
