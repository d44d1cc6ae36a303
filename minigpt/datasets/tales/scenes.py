"""How a world is told: an opening, scenes, an ending, each a list of sentences.

Every person and every thing is introduced within the first three sentences. Facts come
back later in other words ("a red kite" … "The kite was red."): a fact that is said only
once gives a model little reason to remember it.
"""

from random import Random

from minigpt.datasets.tales import phrases
from minigpt.datasets.tales.words import LIKENESS, Person
from minigpt.datasets.tales.world import Thing, World, located


def _belongings(world: World, person: Person) -> str:
    return " and ".join(thing.new for thing in world.belonging_to(person))


def opening(rng: Random, world: World) -> list[str]:
    """Introduce everyone and everything, in at most three sentences."""
    a, b = world.people[:2]
    things, others = _belongings(world, a), _belongings(world, b)
    both = _both_have(rng, world, a, b)
    if len(world.people) == 4:
        start = rng.choice(phrases.FOUR)
        names = dict(zip("abcd", rng.sample(world.people, 4), strict=True))
        told = [start.format(**names, home=world.home), both]
        told.append(_both_have(rng, world, *world.people[2:]))
    elif len(world.people) == 3:
        c = world.people[2]
        start = rng.choice(phrases.THREE)
        third = phrases.THIRD_HAS if world.belonging_to(c) else phrases.THIRD_HAS_NONE
        x, y, z = rng.sample(world.people, 3)
        told = [start.format(a=x, b=y, c=z, home=world.home), both]
        told.append(rng.choice(third).format(c=c, things=_belongings(world, c)))
    elif rng.random() < 0.5:
        start = rng.choice(phrases.ALONE)
        told = [start.format(a=a, home=world.home)]
        told.append(rng.choice(phrases.HAS).format(a=a, things=things))
        told.append(rng.choice(phrases.FRIEND_HAS).format(a=a, b=b, things=others))
    else:
        start = rng.choice(phrases.TOGETHER)
        told = [start.format(a=a, b=b, home=world.home)]
        if rng.random() < 0.4:
            told.append(both)
        else:
            first = rng.choice(phrases.EACH_HAS).format(a=a, things=things)
            second = rng.choice(phrases.EACH_HAS).format(a=b, things=others)
            told += [first, second] if rng.random() < 0.5 else [second, first]
    world.home_is_told = "{home}" in start
    return told


def _both_have(rng: Random, world: World, a: Person, b: Person) -> str:
    things, others = _belongings(world, a), _belongings(world, b)
    form = rng.choice(phrases.BOTH_HAVE)
    return form.format(a=a, b=b, things=things, others=others)


def colour_again(rng: Random, thing: Thing) -> str:
    """Say a thing's colour again: `The kite was as red as a cherry`."""
    return rng.choice(phrases.COLOUR).format(
        thing=thing, likeness=LIKENESS[thing.colour]
    )


def owner_again(rng: Random, thing: Thing) -> str:
    """Say who has a thing: `The kite belonged to Mia`."""
    forms = phrases.NEW_OWNER if thing.moved else phrases.OWNER
    return rng.choice(forms).format(thing=thing, a=thing.owner)


def play(rng: Random, world: World) -> str:
    """Let somebody enjoy what they own, or the day."""
    if rng.random() < 0.3:
        return rng.choice(phrases.FILLER)
    thing = rng.choice(world.things)
    return rng.choice(phrases.PLAY).format(thing=thing, a=thing.owner)


def wishes(rng: Random, world: World) -> list[str]:
    """Let everyone say what they want."""
    told: list[str] = []
    order = rng.sample(range(len(world.people)), len(world.people))
    for i in order:
        forms = phrases.OTHER_WISH if told else phrases.WISH
        person = world.people[i]
        told.append(rng.choice(forms).format(a=person, wish=world.wishes[i]))
        if rng.random() < 0.15:
            told.append(rng.choice(phrases.WISHING).format(a=person))
    return told


def places(rng: Random, world: World) -> list[str]:
    """Send everyone somewhere, and some of them on: whose turn it is, is drawn."""
    told: list[str] = []
    forms = iter(rng.sample(phrases.GO, len(world.people)))
    onward = [list(journey) for journey in world.journeys]
    turns = [i for i, journey in enumerate(onward) for _ in journey]
    rng.shuffle(turns)
    for i in turns:
        person, is_first = world.people[i], len(onward[i]) == len(world.journeys[i])
        place, owned = onward[i].pop(0), world.belonging_to(person)
        if not is_first:
            told.append(rng.choice(phrases.GO_ON).format(a=person, place=place))
        elif owned and rng.random() < 0.25:
            form, thing = rng.choice(phrases.GO_WITH), rng.choice(owned)
            told.append(form.format(a=person, thing=thing, place=place))
        else:
            told.append(next(forms).format(a=person, place=place))
        if is_first and rng.random() < 0.25:
            told.append(rng.choice(phrases.WHILE_THERE).format(a=person))
    return told


def causes(rng: Random, world: World) -> list[str]:
    """Let everyone feel the same, each for a reason of their own."""
    told: list[str] = []
    order = rng.sample(range(len(world.people)), len(world.people))
    for i in order:
        form = rng.choice(phrases.FEEL_TOO if told else phrases.FEEL).format(
            a=world.people[i], feeling=world.feeling, cause=world.causes[i]
        )
        told.append(form[0].upper() + form[1:])
    if rng.random() < 0.7:
        a, b = world.people[order[0]], world.people[order[1]]
        told.append(rng.choice(phrases.AFTER_FEELING[world.mood]).format(a=a, b=b))
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
    told.append(rng.choice(phrases.GIVE_IN_RETURN).format(a=b, b=a, thing=second))
    return told


def _give(rng: Random, thing: Thing, giver: Person, receiver: Person) -> list[str]:
    told = []
    forms: tuple[str, ...] = phrases.ADMIRE
    if rng.random() < 0.4:
        told.append(rng.choice(phrases.OFFER).format(a=giver, thing=thing))
        forms = phrases.GIVE
    told.append(rng.choice(forms).format(a=giver, b=receiver, thing=thing))
    if rng.random() < 0.5:
        told.append(rng.choice(phrases.THANK).format(a=giver, b=receiver))
    thing.owner, thing.moved = receiver, True
    return told


def _lend(rng: Random, world: World) -> list[str]:
    a, b = rng.sample(world.people[:2], 2)
    thing = world.belonging_to(a)[0]
    thing.moved = True
    return [
        rng.choice(phrases.LEND).format(a=a, b=b, thing=thing),
        rng.choice(phrases.GIVE_BACK).format(a=b, b=a, thing=thing),
    ]


def recollections(rng: Random, world: World) -> list[str]:
    """Say some facts again, near the end: never all of one kind."""
    told = [colour_again(rng, rng.choice(world.things))]
    told.append(owner_again(rng, rng.choice(world.things)))
    i = rng.randrange(len(world.people))
    person = world.people[i]
    if world.wishes:
        form = rng.choice(phrases.WISH_AGAIN)
        told.append(form.format(a=person, wish=world.wishes[i]))
    if world.places:
        where = located(world.places[i])
        told.append(rng.choice(phrases.THERE).format(a=person, located=where))
    return told


def ending(rng: Random, world: World) -> str:
    """Close the story."""
    a, b = rng.sample(world.people, 2)
    return rng.choice(phrases.ENDING).format(a=a, b=b)
