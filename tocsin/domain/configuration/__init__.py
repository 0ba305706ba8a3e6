"""Configuration as code: text to values, what is wrong with it, what would change, and values to text
again.
"""

from tocsin.domain.configuration.load import Loaded, load, with_people
from tocsin.domain.configuration.model import Organisation
from tocsin.domain.configuration.problems import Place, Problem, Report

__all__ = ["Loaded", "Organisation", "Place", "Problem", "Report", "load", "with_people"]
