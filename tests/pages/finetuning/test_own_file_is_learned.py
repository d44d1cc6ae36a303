"""A file of one's own, tuned with the page's defaults, is learned: trained for real."""

import json
import re
import shutil
from pathlib import Path

import pytest
from patience import until

from minigpt.runs import RunStore

PAGE = "pages/finetuning/finetuning.py"
SHIPPED = Path(__file__).parents[3] / "data" / "models" / "tales"

MUSEUM = [
    ("When does the museum open?", "It opens at nine in the morning."),
    ("When does the museum close?", "It closes at six, on Thursdays at eight."),
    ("How much is a ticket?", "A ticket costs twelve euros."),
    ("Do students pay less?", "Yes, students pay seven euros."),
    ("Is it free on any day?", "It is free on the first Sunday of the month."),
    ("Where is the cloakroom?", "In the basement, next to the stairs."),
    ("Can I take photographs?", "Yes, but without a flash."),
    ("Is there a restaurant?", "There is a small restaurant on the second floor."),
    ("Are dogs allowed?", "Only guide dogs are allowed."),
    ("Where can I park my car?", "Behind the building, for two hours."),
    ("Which bus stops at the door?", "Bus 42 stops at the door."),
    ("How long does a guided tour take?", "A guided tour takes seventy minutes."),
    ("Who painted the portrait in room three?", "Artemisia Gentileschi painted it."),
    ("What is the oldest object?", "A bronze axe from 1800 BC."),
    ("Can I bring a stroller?", "Yes, there are two lifts."),
    ("Is the museum accessible by wheelchair?", "Every floor except the tower is."),
    ("Do you lend audio guides?", "Yes, for three euros each."),
    ("In which languages is the audio guide?", "English, French and Turkish."),
    ("What is on show in autumn?", "An exhibition about lighthouses."),
    ("Is there a shop?", "The shop is to the left of the entrance."),
    ("Can I reserve a table?", "Please write to table@museum.example."),
    ("How do I become a member?", "Fill in the form and pay forty euros."),
    ("What does a member get?", "Free entry and a magazine every quarter."),
    ("Where are the toilets?", "On every floor, opposite the lift."),
    ("May I draw in the galleries?", "Yes, with pencil only."),
    ("Do you have a library?", "It is open on Wednesdays from two to five."),
    ("Who built the house?", "Johann Brinkmann built it in 1911."),
    ("How many paintings are there?", "There are 640 paintings."),
    ("Is the garden open in winter?", "No, from April to October only."),
    ("Can children touch anything?", "Everything in the workshop may be touched."),
    ("What is the wifi password?", "It is printed on your ticket."),
    ("Can I come back on the same day?", "Yes, keep your ticket."),
    ("Where is the lost property office?", "Ask at the desk in the hall."),
    ("Do you offer workshops?", "Pottery on Saturdays, printing on Sundays."),
    ("Is there a discount for groups?", "Groups of ten pay nine euros each."),
    ("What is the telephone number?", "It is 030 555 0199."),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data directory with the shipped base."""
    data = tmp_path_factory.mktemp("museum")
    shutil.copytree(SHIPPED, data / "models" / "tales")
    return data


def counts(app, side):
    """Return how many of how many answers are right on one side, and before."""
    pattern = rf"\*\*{side}: (\d+) of (\d+)\*\* right word for word; before, \*\*(\d+)"
    found = [re.match(pattern, each.value) for each in app.markdown]
    (match,) = filter(None, found)
    return tuple(map(int, match.groups()))


@pytest.mark.slow
def test_the_pages_defaults_learn_36_examples_and_show_what_was_not_learned(
    open_page, data
):
    app = open_page(PAGE, data=data)
    app.button_group(key="examples_from").set_value("paste").run()
    lines = [json.dumps({"instruction": q, "output": a}) for q, a in MUSEUM]
    app.text_area(key="pasted_sft").set_value("\n".join(lines)).run()
    name = next(f for f in app.text_input if f.label == "Name of the run")
    name.set_value("museum").run()
    next(b for b in app.button if b.label == "Start fine-tuning").click().run()
    run = RunStore(data / "runs").open("museum")

    def is_finished() -> bool:
        state = run.status().state
        assert state not in ("failed", "stopped"), run.read_log()
        return state == "finished"

    until(is_finished)

    app = open_page(PAGE, data=data, tuning="museum", look="Answers")
    assert not app.exception
    right, asked, before = counts(app, "Learned")
    assert asked == 32
    assert right >= 0.9 * asked
    assert before == 0
    _, held_out, _ = counts(app, "Unseen")
    assert held_out == 4
