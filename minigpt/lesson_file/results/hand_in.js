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
    + (site ? `This lesson stands in a page of ${site}, which is given the code, too.`
      : "Nobody else is told: send the code yourself."));
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
    if (site) window.parent.postMessage({ type: "minigpt-result", code, result }, site);
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

function shownCode(box, note) {
  const whole = element("div", "", box);
  whole.hidden = true;
  const label = element("label", "field", whole, "Your code");
  const code = Object.assign(element("textarea", "", label), { rows: 4, readOnly: true });
  const row = element("div", "options", whole);
  button(row, "Copy").onclick = () => {
    code.select();
    // The newer way is closed to a page without a certificate, and in most frames.
    say(note, document.execCommand("copy") ? "Copied." : "Press Ctrl+C to copy it.");
  };
  const link = element("a", "", row, "Download");
  return {
    show(text, name) {
      whole.hidden = false;
      code.value = text;
      URL.revokeObjectURL(link.href);
      link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
      link.download = `${[...(name.match(/[\p{L}\p{N}]+/gu) ?? []), "result"].join("-")}.txt`;
    },
  };
}

// The site in whose page this one stands, by its address: nobody else gets the message. Null
// where there is none, or it can't be told.
function embedder() {
  if (window.parent === window) return null;
  try {
    const { origin } = new URL(location.ancestorOrigins?.[0] ?? document.referrer);
    return /^https?:/.test(origin) ? origin : null;
  } catch {
    return null;
  }
}
