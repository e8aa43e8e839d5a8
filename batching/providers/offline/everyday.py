"""Everyday English that the offline provider knows, of no subject in particular.

Words that carry no idea, words that turn an idea round, numbers as words, and groups of plain
words that schoolchildren use for one another. No subject's vocabulary belongs here: what a
question is about, its answer key says.
"""

from __future__ import annotations

STOP = frozenset(
    """
    a an the this that these those it its it's they them their theirs he him his she her hers we us
    our you your i me my mine who whom whose which what where when why how there here and or but
    nor so if then than as at by for from in into of off on onto out over to up with within without
    between among through during before after about against across along around under upon via per
    is am are was were be been being do does did done doing has have had having will would shall
    should can could may might must let also too very just only such both each either every any all
    some more most other another same own again further once ever even still yet while whereas
    because since until unless although though however therefore thus hence etc eg ie e.g i.e one
    ones thing things something anything everything someone anyone everyone way ways lot lots
    mean means meaning say says said get gets got getting give gives given giving go goes going
    make makes made making take takes taken taking took come comes came coming put puts become
    becomes became use uses used using called call calls known named name happen happens happened
    first second third much many well like able quite
    """.split()
)
"""Words that prove nothing about an answer when they are found in it."""

COMMON = tuple(sorted(word for word in STOP if word.isalpha() and len(word) >= 3))
"""Short words that a badly read word is more likely to be than a rare one of the key."""

WEAK = frozenset(
    """
    is are was were be has have had make makes made making give gives given take takes taken come
    comes came get gets go goes use uses used using called become becomes all more most out into
    off from away between without before after through under over only because one first second
    third every same other another against own means
    """.split()
)
"""Stop words that still say a little when a key is short of other words."""

NEGATIONS = frozenset(
    "not never cannot cant dont doesnt didnt isnt arent wasnt werent wont".split()
)

NUMBER_WORDS = {
    "zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20",
    "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000",
}  # fmt: skip

_GROUPS = """
    make produce create form build construct generate manufacture
    begin start commence
    end stop finish cease
    big large great huge enormous vast
    small little tiny
    fast quick rapid speedy swift
    slow gradual
    carry take bring transport convey move transfer
    give release emit
    get obtain gain receive acquire
    kill murder assassinate destroy
    die dead death perish extinct
    live survive life alive
    increase rise grow raise
    decrease fall drop reduce lower decline lessen shrink
    near close
    far distant
    help aid assist
    change alter modify convert transform turn
    join bind attach combine connect unite bond link
    split divide separate
    rich wealthy
    poor needy
    poor bad
    main chief principal
    important significant
    many numerous several
    old ancient
    new fresh
    people person man men women human
    child children
    show demonstrate display
    cause trigger
    result effect consequence outcome
    need require
    keep hold retain maintain store
    buy purchase
    cost expensive dear price
    dirty filthy
    job work labour labor
    land ground
    home house housing
    sickness disease illness
    fight battle
    war conflict
    rule govern reign
    ruler king monarch
    country nation state
    countryside rural
    town city
    hot warm heat
    cold cool
    hard difficult
    easy simple
    strong powerful
    weak feeble
    wide broad
    thin narrow
    happen occur
    choose select pick
    always constantly
    often frequently frequent
    because reason
    enough sufficient
    same equal identical
    opposite reverse
    part piece
    whole entire complete
    try attempt
    learn study education
    think believe
    go travel
    leave depart
    replace substitute
    scarce rare
    quickly rapidly
    pay wage wages salary
    look appear seem
    multiply times multiplied
    round circular
    area surface
    high tall
"""

SYNONYMS: dict[str, frozenset[int]] = {}
for _number, _group in enumerate(_GROUPS.strip().splitlines()):
    for _word in _group.split():
        SYNONYMS[_word] = SYNONYMS.get(_word, frozenset()) | {_number}

_OPPOSITES = """
    high low
    more less
    more fewer
    big small
    large small
    thick thin
    fast slow
    quick slow
    hot cold
    warm cold
    increase decrease
    increase reduce
    rise fall
    strong weak
    rich poor
    good bad
    good poor
    true false
    right left
    gain lose
    up down
    near far
    close far
    long short
    first last
    always never
    higher lower
    bigger smaller
    larger smaller
    before after
    inside outside
    positive negative
    maximum minimum
    north south
    east west
    oldest youngest
    wide narrow
    toward away
    towards away
"""

OPPOSITES: dict[str, frozenset[str]] = {}
for _pair in _OPPOSITES.strip().splitlines():
    _one, _two = _pair.split()
    OPPOSITES[_one] = OPPOSITES.get(_one, frozenset()) | {_two}
    OPPOSITES[_two] = OPPOSITES.get(_two, frozenset()) | {_one}
