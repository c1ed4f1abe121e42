"""Django's settings of SESSIONGLASS_HOP_SETTINGS, with the hop installed."""

import importlib
import os

import sessionglass_hop

_settings = importlib.import_module(os.environ['SESSIONGLASS_HOP_SETTINGS'])
globals().update({name: value for name, value in vars(_settings).items() if name.isupper()})

sessionglass_hop.install()
