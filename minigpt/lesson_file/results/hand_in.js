// Where a reader hands in what was answered, signed with the word that the teacher gave.

import { button } from "../lessons/prediction.js";
import { resultsOf } from "./answers.js";
import { codeOf, wellFormed } from "./code.js";

const LONGEST_NAME = 60;

// `record`: what `keepAnswers` returns, and goes on to write into.
export function offerHandIn(place, settings, record) {
  const box = element("details", "hand_in", place);
  element("summary", "", box, "Hand in your result");
  const site = embedder();
  element("p", "note", box, "Your name, your answers and the class’s word make a code, for your "
    + "teacher to check. The word itself is not in it. "
    + whoIsTold(site));
  const name = field(box, "Your name", { maxLength: LONGEST_NAME, autocomplete: "off" });
  const word = field(box, "The class’s word", { autocomplete: "off", autocapitalize: "off",
    spellcheck: false });
  const make = button(box, "Make the code", "main");
  const note = element("p", "note", box);
  note.setAttribute("aria-live", "polite");
  const shown = shownCode(box, note);
  make.onclick = () => {
    const [who, secret] = [name.value.trim(), word.value.trim()];
    if (!who || !secret) {
      say(note, who ? "Write the word that your teacher gave." : "Write your name.");
      (who ? word : name).focus();
      return;
    }
    const result = statement(settings, record, who);
    const code = codeOf(result, secret);
    shown.show(code, who);
    if (site) giveTo(site, code, result);
    say(note, sentence(result), site ? ` ${site} was given the code.` : "");
  };
}

function field(box, title, options) {
  const label = element("label", "field", box, title);
  return Object.assign(element("input", "", label), { type: "text" }, options);
}

// What is signed: its keys stand in the order of the alphabet.
function statement(settings, { answers, given }, name) {
  const { asked, right } = resultsOf(answers);
  const items = Object.entries(answers).filter(([, isRight]) => isRight !== null)
    .map(([lesson, isRight]) => ({ answer: wellFormed(given[lesson] ?? ""), lesson,
      right: isRight }));
  return {
    items,
    lesson: settings.lesson,
    model: settings.model_hash,
    name: wellFormed(name.normalize("NFC")),
    score: { asked, right },
    time: new Date().toISOString().replace(/\.\d+/, ""),
  };
}

function sentence({ name, items, score: { asked, right } }) {
  const missing = asked - items.length;
  return `${name}: ${right} of ${asked} right.`
    + (missing ? ` ${missing} not answered yet; you may make the code again.` : "");
}
