"""How a world is told: an opening, scenes, an ending, each a list of sentences.

Every person and every thing is introduced within the first three sentences. Facts come
back later in other words ("a red kite" … "The kite was red."): a fact that is said only
once gives a model little reason to remember it.

In the templates `{a}` and `{b}` are people, `{thing}` is what somebody owns.
"""

from random import Random

from minigpt.datasets.tales_words import LIKENESS, Person
from minigpt.datasets.tales_world import Thing, World, located

ALONE = (
    "Once upon a time, a {a.child} called {a} lived near the {home}.",
    "Once there was a {a.child} called {a}.",
    "There was once a {a.child} named {a}, who lived by the {home}.",
    "Long ago, in a small house by the {home}, lived a {a.child} called {a}.",
    "This is a story about a {a.child} called {a}.",
    "In a land far away lived a {a.child} named {a}.",
)
HAS = (
    "{a.They} had {things}.",
    "{a} had {things}.",
    "For {a.their} birthday, {a.they} got {things}.",
    "One morning {a.they} found {things}.",
    "{a.Their} grandmother gave {a.them} {things}.",
)
FRIEND_HAS = (
    "{a.Their} friend {b} had {things}.",
    "{a.Their} best friend {b} had {things}.",
    "{b}, who lived next door, had {things}.",
    "One day {a.they} met {b}, a {b.child} with {things}.",
)
TOGETHER = (
    "{a} and {b} were good friends.",
    "{a} and {b} were best friends and lived near the {home}.",
    "Long ago, {a} and {a.their} {b.sibling} {b} lived by the {home}.",
    "This is the story of {a} and {b}.",
    "One sunny morning, {a} met {b} near the {home}.",
    "{a} lived next door to {b}, close to the {home}.",
    "Once there were two friends called {a} and {b}.",
    "Every summer, {a} and {b} played together by the {home}.",
)
EACH_HAS = (
    "{a} had {things}.",
    "{a} owned {things}.",
    "{a} had brought {things}.",
    "{a} loved to play with {things}.",
)
BOTH_HAVE = (
    "{a} had {things}, and {b} had {others}.",
    "{a} had {things}, but {b} had {others}.",
    "One day {a} found {things}, and {b} found {others}.",
)
THREE = (
    "{a}, {b} and {c} were good friends.",
    "Once there were three friends called {a}, {b} and {c}.",
    "{a}, {b} and {c} lived near the {home}.",
    "Every day after lunch, {a} and {b} played with {c} by the {home}.",
)
THIRD_HAS = ("{c} had {things}.", "And {c}, the youngest, had {things}.")
THIRD_HAS_NONE = (
    "{c} had nothing to play with.",
    "Only {c} had nothing to play with.",
    "{c}, the youngest, had nothing of {c.their} own.",
)

COLOUR = (
    "The {thing} was {thing.colour}.",
    "The {thing} was {thing.colour}.",
    "The {thing} was as {thing.colour} as {likeness}.",
    "Everyone could see that the {thing} was {thing.colour}.",
)
OWNER = (
    "The {thing} belonged to {a}.",
    "Everyone knew that the {thing} belonged to {a}.",
    "{a} had the {thing}, of course.",
)
NEW_OWNER = (
    "The {thing} belonged to {a}.",
    "Now the {thing} belonged to {a}.",
    "{a} had the {thing} now.",
)
PLAY = (
    "{a} played with the {thing} all morning.",
    "{a} looked at the {thing} and smiled.",
    "{a} showed the {thing} to everyone.",
    "{a} kept the {thing} in a safe corner.",
    "{a} would not go anywhere without the {thing}.",
    "Nobody had ever seen such a fine {thing}.",
    '"Look at my {thing}!" said {a}.',
)
FILLER = (
    "The sun was warm.",
    "It was a lovely day.",
    "A soft wind blew.",
    "The birds sang in the trees.",
    "The clouds looked like sheep.",
    "It was a quiet afternoon.",
    "Somewhere a dog barked, and then all was still.",
    "They ate bread and honey under a tree.",
)

WISH = (
    "{a} wanted to {wish}.",
    "More than anything, {a} wanted to {wish}.",
    '"I want to {wish}," said {a}.',
    '"One day I want to {wish}," said {a}.',
    "{a} hoped to {wish} one day.",
)
WISHING = (
    "{a.They} thought about it day and night.",
    "{a.They} dreamed of it every night.",
    '"That would be wonderful," {a.they} said.',
)
OTHER_WISH = (
    "{a} wanted to {wish}.",
    "But {a} wanted to {wish}.",
    '"And I want to {wish}," said {a}.',
    "{a} only wished to {wish}.",
)
WISH_AGAIN = (
    "{a} wanted to {wish}.",
    "{a} still wanted to {wish}.",
    "{a} never forgot that {a.they} wanted to {wish}.",
)
GO = (
    "{a} went to the {place}.",
    "{a} walked to the {place}.",
    "In the morning, {a} went to the {place}.",
    "After lunch, {a} ran to the {place}.",
    "{a} took the path to the {place}.",
    "Then {a} went to the {place}.",
)
GO_WITH = (
    "{a} took the {thing} to the {place}.",
    "With the {thing}, {a} went to the {place}.",
)
WHILE_THERE = (
    "There {a.they} sat down and ate an apple.",
    "{a.They} sang all the way.",
    "It was far, but {a.they} did not mind.",
    "There {a.they} saw a hare and two little ducks.",
    "{a.They} stayed until it was time for tea.",
)
THERE = (
    "{a} was {located}.",
    "{a} stayed {located} until noon.",
    "It was lovely {located}, thought {a}.",
)
FEEL = (
    "{a} was {feeling} because {cause}.",
    "{a} was {feeling}, because {cause}.",
    "Then {cause}, and so {a} was {feeling}.",
    "{a} felt {feeling} because {cause}.",
)
FEEL_TOO = (
    "{a} was {feeling} too, because {cause}.",
    "{a} was {feeling} because {cause}.",
    "And {a} felt {feeling} because {cause}.",
)
AFTER_FEELING = {
    "sad": (
        '"Do not cry," said {b}.',
        '"Tomorrow will be better," said {b}.',
        "{b} held {a}'s hand until {a.they} smiled again.",
        "So {b} told {a} a funny story, and soon they both laughed.",
    ),
    "happy": (
        '"What a wonderful day!" said {b}.',
        "{a} laughed, and so {b} laughed too.",
        "{a} danced for joy, and {b} clapped.",
        '"Hooray!" cried {a}.',
    ),
}

OFFER = (
    '"Would you like my {thing}?" asked {a}.',
    '"You may have my {thing}," said {a}.',
)
ADMIRE = (
    "{b} had always liked the {thing}, so {a} gave the {thing} to {b}.",
    "{b} could not stop looking at the {thing}, and {a} gave the {thing} to {b}.",
    "{a} gave the {thing} to {b}.",
    "To make {b} smile, {a} gave the {thing} to {b}.",
)
GIVE = ("{a} gave the {thing} to {b}.", "And {a} gave the {thing} to {b}.")
GIVE_IN_RETURN = (
    "{a} was so glad that {a.they} gave the {thing} to {b}.",
    "In return, {a} gave the {thing} to {b}.",
    'And {a} gave the {thing} to {b} and said, "This is for you."',
)
THANK = (
    '"Thank you, {a}!" said {b}.',
    "{b} thanked {a} with all {b.their} heart.",
    '"How kind you are," said {b}.',
)
LEND = (
    "{a} lent the {thing} to {b} for a while.",
    "One day {b} borrowed the {thing} from {a}.",
)
GIVE_BACK = (
    "Later {a} gave the {thing} back to {b}.",
    "The next day {a} brought the {thing} back to {b}.",
)

ENDING = (
    "They laughed all the way home.",
    "Then it was time for bed.",
    "That night, {a} and {b} slept soundly.",
    "And that is how {a} and {b} became the best of friends.",
    "Then the moon came up, and everyone went home.",
    '"Good night, {a}," said {b}.',
    "{a} and {b} talked about it for many years.",
    "It had been a very good day.",
    "And if you listen at night, you can still hear them laugh.",
    "After that, {a} never felt alone again.",
    "It is good to have a friend like {b}, thought {a}.",
    "When the stars came out, {a} waved to {b} and went to sleep.",
    "And they lived happily ever after.",
    '"Let us meet again tomorrow," said {a}.',
)


def _belongings(world: World, person: Person) -> str:
    return " and ".join(thing.new for thing in world.belonging_to(person))


def opening(rng: Random, world: World) -> list[str]:
    """Introduce everyone and everything, in at most three sentences."""
    a, b = world.people[:2]
    things, others = _belongings(world, a), _belongings(world, b)
    both = rng.choice(BOTH_HAVE).format(a=a, b=b, things=things, others=others)
    if len(world.people) == 3:
        c = world.people[2]
        start = rng.choice(THREE)
        third = THIRD_HAS if world.belonging_to(c) else THIRD_HAS_NONE
        x, y, z = rng.sample(world.people, 3)
        told = [start.format(a=x, b=y, c=z, home=world.home), both]
        told.append(rng.choice(third).format(c=c, things=_belongings(world, c)))
    elif rng.random() < 0.5:
        start = rng.choice(ALONE)
        told = [start.format(a=a, home=world.home)]
        told.append(rng.choice(HAS).format(a=a, things=things))
        told.append(rng.choice(FRIEND_HAS).format(a=a, b=b, things=others))
    else:
        start = rng.choice(TOGETHER)
        told = [start.format(a=a, b=b, home=world.home)]
        if rng.random() < 0.4:
            told.append(both)
        else:
            first = rng.choice(EACH_HAS).format(a=a, things=things)
            second = rng.choice(EACH_HAS).format(a=b, things=others)
            told += [first, second] if rng.random() < 0.5 else [second, first]
    world.home_is_told = "{home}" in start
    return told


def colour_again(rng: Random, thing: Thing) -> str:
    """Say a thing's colour again: `The kite was as red as a cherry`."""
    return rng.choice(COLOUR).format(thing=thing, likeness=LIKENESS[thing.colour])


def owner_again(rng: Random, thing: Thing) -> str:
    """Say who has a thing: `The kite belonged to Mia`."""
    forms = NEW_OWNER if thing.moved else OWNER
    return rng.choice(forms).format(thing=thing, a=thing.owner)


def play(rng: Random, world: World) -> str:
    """Let somebody enjoy what they own, or the day."""
    if rng.random() < 0.3:
        return rng.choice(FILLER)
    thing = rng.choice(world.things)
    return rng.choice(PLAY).format(thing=thing, a=thing.owner)


def wishes(rng: Random, world: World) -> list[str]:
    """Let everyone say what they want."""
    told: list[str] = []
    order = rng.sample(range(len(world.people)), len(world.people))
    for i in order:
        forms = OTHER_WISH if told else WISH
        person = world.people[i]
        told.append(rng.choice(forms).format(a=person, wish=world.wishes[i]))
        if rng.random() < 0.15:
            told.append(rng.choice(WISHING).format(a=person))
    return told


def places(rng: Random, world: World) -> list[str]:
    """Send everyone somewhere."""
    told: list[str] = []
    how_many = len(world.people)
    forms = iter(rng.sample(GO, how_many))
    for i in rng.sample(range(how_many), how_many):
        person, place = world.people[i], world.places[i]
        owned = world.belonging_to(person)
        if owned and rng.random() < 0.25:
            form, thing = rng.choice(GO_WITH), rng.choice(owned)
            told.append(form.format(a=person, thing=thing, place=place))
        else:
            told.append(next(forms).format(a=person, place=place))
        if rng.random() < 0.25:
            told.append(rng.choice(WHILE_THERE).format(a=person))
    return told


def causes(rng: Random, world: World) -> list[str]:
    """Let everyone feel the same, each for a reason of their own."""
    told: list[str] = []
    order = rng.sample(range(len(world.people)), len(world.people))
    for i in order:
        form = rng.choice(FEEL_TOO if told else FEEL).format(
            a=world.people[i], feeling=world.feeling, cause=world.causes[i]
        )
        told.append(form[0].upper() + form[1:])
    if rng.random() < 0.7:
        a, b = world.people[order[0]], world.people[order[1]]
        told.append(rng.choice(AFTER_FEELING[world.mood]).format(a=a, b=b))
    return told


def exchange(rng: Random, world: World) -> list[str]:
    """Let things change hands, and keep the world's books."""
    if world.exchange == "lend":
        return _lend(rng, world)
    a, b = world.people[:2]
    if world.exchange == "friend":
        thing = rng.choice(world.things)
        return _give(rng, thing, thing.owner, world.people[2])
    if world.exchange == "share":
        giver = world.things[-1].owner
        given = rng.choice(world.belonging_to(giver))
        return _give(rng, given, giver, b if giver is a else a)
    if rng.random() < 0.5:
        a, b = b, a
    first, second = world.belonging_to(a)[0], world.belonging_to(b)[0]
    told = _give(rng, first, a, b)
    second.owner, second.moved = a, True
    told.append(rng.choice(GIVE_IN_RETURN).format(a=b, b=a, thing=second))
    return told


def _give(rng: Random, thing: Thing, giver: Person, receiver: Person) -> list[str]:
    told = []
    forms: tuple[str, ...] = ADMIRE
    if rng.random() < 0.4:
        told.append(rng.choice(OFFER).format(a=giver, thing=thing))
        forms = GIVE
    told.append(rng.choice(forms).format(a=giver, b=receiver, thing=thing))
    if rng.random() < 0.5:
        told.append(rng.choice(THANK).format(a=giver, b=receiver))
    thing.owner, thing.moved = receiver, True
    return told


def _lend(rng: Random, world: World) -> list[str]:
    a, b = rng.sample(world.people[:2], 2)
    thing = world.belonging_to(a)[0]
    thing.moved = True
    return [
        rng.choice(LEND).format(a=a, b=b, thing=thing),
        rng.choice(GIVE_BACK).format(a=b, b=a, thing=thing),
    ]


def recollections(rng: Random, world: World) -> list[str]:
    """Say some facts again, near the end: never all of one kind."""
    told = [colour_again(rng, rng.choice(world.things))]
    told.append(owner_again(rng, rng.choice(world.things)))
    i = rng.randrange(len(world.people))
    person = world.people[i]
    if world.wishes:
        form = rng.choice(WISH_AGAIN)
        told.append(form.format(a=person, wish=world.wishes[i]))
    if world.places:
        where = located(world.places[i])
        told.append(rng.choice(THERE).format(a=person, located=where))
    return told


def ending(rng: Random, world: World) -> str:
    """Close the story."""
    a, b = rng.sample(world.people, 2)
    return rng.choice(ENDING).format(a=a, b=b)
