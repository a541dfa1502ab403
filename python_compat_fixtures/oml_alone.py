"""Makes open-metric-learning importable without the packages that its fixtures have no use for.

Import this before anything of `oml`. OML imports packages for pictures, tables, downloads and configurations wherever it is imported, although its miners,
losses, samplers, metrics and searches compute with torch and numpy alone. Those of them that are not installed get placeholders: names of them can be imported,
inherited from, written in annotations and made instances of, which can do nothing, so that no number comes from a placeholder.
"""

import importlib.abc
import importlib.machinery
import sys
import types

UNUSED = ("albumentations", "cv2", "gdown", "matplotlib", "omegaconf", "pandas", "PIL", "requests", "torchvision", "validators")
# OML's own transformations of pictures look at signatures of albumentations.
UNUSED_OF_OML = "oml.transforms"


class PlaceholderName(type):
    """A name of a package that is not installed: a class whose instances can do nothing."""

    def __new__(cls, name: str, bases=(), members=None):
        return super().__new__(cls, name, bases, {"__init__": lambda self, *args, **kwargs: None, **(members or {})})

    def __getattr__(cls, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return PlaceholderName(name)


class PlaceholderModule(types.ModuleType):
    """A package that is not installed, or a module of one."""

    __path__ = []

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return PlaceholderName(name)


class Placeholders(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules named and those below them."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if any(f"{name}.".startswith(f"{unused}.") for unused in self.names):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return PlaceholderModule(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Placeholders((UNUSED_OF_OML,)))
sys.meta_path.append(Placeholders(UNUSED))
