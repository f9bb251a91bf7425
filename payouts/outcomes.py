"""What an act over several things did: which were done, and which others were asked for or refused."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Done:
    """The result of one act; `refused` pairs what people call the thing with why it was not done."""

    done: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """What somebody else was asked to do, who may refuse."""
    refused: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, name: str, sentence: str) -> None:
        """This will note a refusal."""
        self.refused.append((name, sentence))

    def join(self, other: Done) -> Done:
        """This will take over another result."""
        self.done += other.done
        self.asked += other.asked
        self.refused += other.refused
        return self
