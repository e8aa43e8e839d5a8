"""Who is in the demo: a class, its teacher, and what each student wrote in the exam.

Every name is invented. The exam itself is exam.yaml beside this file. Answers come in variants
with the marks a teacher would give; a paper says which variant its student wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

EXAM_FILE = Path(__file__).with_name("exam.yaml")
CLASS_NAME = "7-C"
UPLOAD_NAME = "water-cycle.zip"

Oddity = Literal[
    "upside down",
    "sideways",
    "blank last page",
    "faint",
    "no roll number",
    "shadow",
    "damaged",
]


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the demo and the name they sign in with."""

    username: str
    name: str
    roll_number: str = ""

    @property
    def email(self) -> str:
        return f"{self.username}@example.org"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a student wrote for one criterion, and what a teacher would give for it."""

    code: str
    text: str
    marks: Decimal


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper as it lies in the ZIP.

    `file` ends in .pdf or .png, or in a slash for a folder of phone photos. `choices` has one
    letter per criterion: the variant of the answer, or "-" for an empty one.
    """

    student: Person
    file: str
    choices: str
    page_breaks: tuple[str, ...] = ()
    odd: tuple[Oddity, ...] = ()

    @property
    def answers(self) -> list[Answer]:
        """In the order of the exam; an empty answer has no text and no marks."""
        return [
            Answer(code, "", Decimal(0))
            if choice == "-"
            else Answer(code, variants[choice][1], Decimal(variants[choice][0]))
            for (code, variants), choice in zip(ANSWERS.items(), self.choices, strict=True)
        ]


# code -> variant -> (marks, text), from the best to a wrong one.
ANSWERS: dict[str, dict[str, tuple[str, str]]] = {
    "Q1": {
        "a": (
            "2",
            "Evaporation is when liquid water turns into water vapour. It is driven by the heat"
            " of the sun.",
        ),
        "b": ("2", "The sun heats the water until the liquid becomes a gas, called vapour."),
        "c": ("1", "It is when water turns into vapour."),
        "d": ("0", "It is when drops come down from the sky."),
    },
    "Q2": {
        "a": ("3", "Evaporation, condensation and precipitation."),
        "b": ("2", "Evaporation and condensation. I forgot the last one."),
        "c": ("1", "Precipitation, then rivers, then the sea."),
        "d": ("0", "Wind, sun and moon."),
    },
    "Q3a": {
        "a": (
            "4",
            "Warm moist air rises. It gets colder high up, so the water vapour condenses on dust"
            " into tiny droplets. Many droplets together are a cloud.",
        ),
        "b": (
            "3",
            "Warm air goes up and gets colder. The water vapour condenses into tiny droplets.",
        ),
        "c": ("2", "The warm air rises and high up it gets colder, then there is a cloud."),
        "d": ("1", "A cloud is many droplets together."),
        "e": ("0", "The wind blows smoke together until you can see it."),
    },
    "Q3b": {
        "a": (
            "2",
            "The droplets collide and grow bigger. When they are too heavy they fall to the"
            " ground.",
        ),
        "b": ("1", "They become too heavy and fall down."),
        "c": ("0", "Because the sky opens when it is full."),
    },
    "Q4": {
        "a": (
            "4",
            "Some water runs over the surface into streams, and streams join rivers that flow"
            " to the sea. Some soaks into the soil and moves slowly underground as groundwater.",
        ),
        "b": ("2", "It runs over the surface into streams. The rivers flow to the sea."),
        "c": ("1", "Some water soaks into the soil."),
        "d": ("0", "People carry it down in bottles and pour it out."),
    },
    "Q5": {
        "a": ("1", "Only the water evaporates. The salt stays behind in the sea."),
        "b": ("1", "The salt stays in the sea when water evaporates."),
        "c": ("0", "Rain is washed by the wind."),
    },
}

ADMIN = Person("admin", "Ada Lindholm")
TEACHER = Person("teacher", "Miriam Osei")

STUDENTS = (
    Person("student", "Amara Diallo", "G4107"),
    Person("tomas.vesely", "Tomas Vesely", "G4123"),
    Person("ines.carvalho", "Ines Carvalho", "G4138"),
    Person("jonas.lindgren", "Jonas Lindgren", "G4156"),
    Person("priya.raman", "Priya Raman", "G4164"),
    Person("noah.okello", "Noah Okello", "G4179"),
    Person("yuki.tanabe", "Yuki Tanabe", "G4192"),
    Person("lea.moser", "Lea Moser", "G4201"),
    Person("omar.haddad", "Omar Haddad", "G4215"),
    Person("sofia.marin", "Sofia Marin", "G4230"),
    Person("peter.novak", "Peter Novak", "G4248"),
    Person("zola.mensah", "Zola Mensah", "G4253"),
    Person("ivan.dragic", "Ivan Dragic", "G4266"),
    Person("clara.weiss", "Clara Weiss", "G4287"),
)
_BY_ROLL_NUMBER = {student.roll_number: student for student in STUDENTS}


def _paper(
    roll_number: str,
    file: str,
    choices: str,
    *odd: Oddity,
    page_breaks: tuple[str, ...] = (),
) -> Paper:
    return Paper(_BY_ROLL_NUMBER[roll_number], file, choices, page_breaks, odd)


# Clara Weiss was ill: nothing was handed in for her.
PAPERS = (
    _paper("G4107", "scan_0001.pdf", "aaabab"),
    _paper("G4123", "G4123.pdf", "babbbc"),
    _paper("G4138", "scan_0002.pdf", "cbcbca", "blank last page"),
    _paper("G4156", "G4156 Jonas Lindgren/", "bbaaba", page_breaks=("Q4",)),
    _paper("G4164", "scan_0003.pdf", "aabaaa", "upside down"),
    _paper("G4179", "scan_0004.pdf", "cacbbb", "sideways", page_breaks=("Q3b",)),
    _paper("G4192", "G4192_yuki_tanabe.png", "aaaaab"),
    _paper("G4201", "scan_0005.pdf", "dcdc-c", "shadow"),
    _paper("G4215", "scan_0006.pdf", "abbbba", "damaged"),
    _paper("G4230", "scan_0007.pdf", "bbbbca", "no roll number"),
    _paper("G4248", "G4248.pdf", "c-d---"),
    _paper("G4253", "scan_0008.pdf", "baabca", "faint"),
    _paper("G4266", "scan_0009.pdf", "ddecdc", "shadow"),
)
