"""The sentences of tales, with gaps.

`{a}`, `{b}` and `{c}` are people, `{thing}` is what somebody owns, `{things}` and
`{others}` are things as they are first mentioned: "a red kite and a blue drum".
`scenes` chooses among the sentences and fills the gaps.
"""

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
FOUR = (
    "{a}, {b}, {c} and {d} were good friends.",
    "Once there were four friends called {a}, {b}, {c} and {d}.",
    "{a}, {b}, {c} and {d} lived near the {home}.",
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
GO_ON = (
    "Then {a} went on to the {place}.",
    "Later {a} walked to the {place}.",
    "After that, {a} ran to the {place}.",
    "Soon {a} left and went to the {place}.",
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

FRIENDSHIP = (
    "And that is how {a} and {b} became the best of friends.",
    "After that, {a} never felt alone again.",
    "It is good to have a friend like {b}, thought {a}.",
)
"""Endings about a friend, for those who wish for one."""
ENDING = (
    "They laughed all the way home.",
    "Then it was time for bed.",
    "That night, {a} and {b} slept soundly.",
    FRIENDSHIP[0],
    "Then the moon came up, and everyone went home.",
    '"Good night, {a}," said {b}.',
    "{a} and {b} talked about it for many years.",
    "It had been a very good day.",
    "And if you listen at night, you can still hear them laugh.",
    FRIENDSHIP[1],
    FRIENDSHIP[2],
    "When the stars came out, {a} waved to {b} and went to sleep.",
    "And they lived happily ever after.",
    '"Let us meet again tomorrow," said {a}.',
)
