"""What is wrong with a configuration, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """`line` counts from 1; 0 where there is no text."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Problem:
    """`path` is where in the document (`teams[0].lead`). An error stops everything, a warning only
    --strict.
    """

    place: Place
    path: str
    message: str
    error: bool = True

    def __str__(self) -> str:
        level = "error" if self.error else "warning"
        where = f"{self.path}: " if self.path else ""
        return f"{self.place}: {level}: {where}{self.message}"


class Report:
    """Collects, so that one run names everything that is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, place: Place, path: str, message: str) -> None:
        self._add(Problem(place, path, message))

    def warning(self, place: Place, path: str, message: str) -> None:
        self._add(Problem(place, path, message, error=False))

    def _add(self, problem: Problem) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.error)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if not problem.error)
