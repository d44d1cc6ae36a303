// The page: what the file carries is unpacked, a prompt is read, a lesson shows it.

import { unpackModel, unpackWeights } from "../model/packed.js";
import { keepAnswers } from "../results/answers.js";
import { offerHandIn } from "../results/hand_in.js";
import { makeTokenizer } from "../tokenizers/tokenizer.js";
import { attentionLesson } from "./attention.js";
import { beamLesson } from "./beam.js";
import { generationLesson } from "./generation.js";
import { headsLesson } from "./heads.js";
import { journeyLesson } from "./journey.js";
import { lensLesson } from "./lens.js";
import { rest } from "./mounting.js";
import { button } from "./prediction.js";
import { LONGEST, read } from "./reading.js";
import { counted } from "./texts.js";
import { tokenizerLesson } from "./tokenizer.js";
import { WORDS } from "./words.js";

const MOST_CHARACTERS = 2000; // A text without a space takes longest to cut into pieces.

const LESSONS = {
  home: ["Journey", journeyLesson, "The stream is added to, never replaced; only the last "
    + "token's end predicts something new."],
  head_explorer: ["Heads", headsLesson, "What a head seems to do depends on the text."],
  attention: ["Attention", attentionLesson, "A row of weights is a softmax of scores, and what "
    + "the head carries is an average."],
  generation: ["Generation", generationLesson, "The model gives a distribution; we choose."],
  beam_search: ["Beam search", beamLesson, "Greedy's first choice is locally best, and may be "
    + "globally wrong."],
  tokenizer: ["Tokenizer", tokenizerLesson, "A model reads numbers: first, text is cut into "
    + "pieces."],
  logit_lens: ["Logit lens", lensLesson, "What the model would say if it stopped after each "
    + "block."],
};

async function open() {
  const main = document.getElementById("lesson");
  const settings = JSON.parse(document.getElementById("settings").textContent);
  try {
    const model = await unpackModel(settings, document.getElementById("weights").textContent);
    const tokenizer = makeTokenizer(settings.tokenizer);
    // The head that is chosen in one lesson is chosen in all.
    start(main, { settings, model, tokenizer, head: headIn(settings) });
  } catch (error) {
    main.replaceChildren(element("p", "problem", null,
      `This browser could not unpack the model (${error.message}). A current version of `
      + "Chrome, Edge, Firefox or Safari can."));
    throw error;
  }
}

function headIn({ head: [layer, head], config: { num_layers: layers, num_heads: heads } }) {
  return [Math.min(layer, layers - 1), Math.min(head, heads - 1)];
}

function start(main, lesson) {
  main.replaceChildren();
  const { prompt, note } = buildHead(main, lesson);
  const tabs = buildTabs(main);
  offerHandIn(main, lesson.settings, keepAnswers(note.parentElement, tabs.bodies));
  const made = {};
  let current = lesson.settings.lesson;

  function update() {
    const reading = read(lesson, prompt.value);
    say(note, noteOf(reading));
    tabs.panels.hidden = !reading.tokens.length;
    if (reading.tokens.length) shownLesson().show(reading);
  }
  function shownLesson() {
    const [, make] = LESSONS[current];
    made[current] ??= make(tabs.bodies[current], lesson);
    return made[current];
  }
  function turnTo(name) {
    current = name;
    rest();
    tabs.mark(name);
    update();
  }
  buildTimeMachine(prompt.parentElement, lesson, update);
  lesson.turnTo = turnTo;
  lesson.write = (text) => { prompt.value = text.slice(-MOST_CHARACTERS); update(); };
  prompt.value = lesson.settings.prompt.slice(-prompt.maxLength);
  prompt.oninput = update;
  tabs.listen(turnTo);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
  turnTo(current);
  main.dataset.ready = "";
}

function buildHead(main, { settings, model }) {
  const head = element("header", "", main);
  element("h1", "", head, settings.name);
  let count = 0;
  for (const { values } of model.weights.values()) count += values.length;
  element("p", "note", head, `A language model of ${counted(count, "weight")}: `
    + `${counted(model.config.num_layers, "layer")} of ${counted(model.config.num_heads, "head")}. `
    + "It runs in this page. Nothing you type leaves it, unless you hand in a result.");
  const label = element("label", "prompt", head, "Prompt");
  const prompt = element("textarea", "", label);
  Object.assign(prompt, { rows: 2, spellcheck: false, maxLength: MOST_CHARACTERS });
  const note = element("p", "note", head);
  note.setAttribute("aria-live", "polite");
  return { prompt, note };
}

// The same model earlier in its training, where its steps came along.
function buildTimeMachine(after, { settings, model }, update) {
  const { steps, step: now } = settings;
  if (!steps.length) return;
  const known = new Map([[now, Promise.resolve(model.weights)]]);
  const label = element("label", "slider step");
  after.after(label);
  element("span", "", label, "Training step");
  const slider = element("input", "", label);
  Object.assign(slider, { type: "range", min: 0, max: steps.length - 1, step: 1 });
  slider.value = steps.indexOf(now);
  const shown = element("output", "", label);
  const tell = (step) => {
    shown.textContent = step.toLocaleString("en");
    slider.setAttribute("aria-valuetext", `step ${step}`);
  };
  tell(now);
  slider.oninput = async () => {
    const step = steps[slider.value];
    tell(step);
    if (!known.has(step)) known.set(step, unpackWeights(settings.weights,
      document.getElementById(`weights_${step}`).textContent));
    const weights = await known.get(step);
    if (steps[slider.value] !== step) return; // The reader has moved on.
    model.weights = weights;
    update();
  };
}

function noteOf({ tokens, forgotten, unknown }) {
  if (!tokens.length) return "Write a few words: the model needs something to read.";
  const words = [counted(tokens.length, "token")];
  if (forgotten) words.push(`: the last ${tokens.length} of ${tokens.length + forgotten}; `
    + `lessons here show at most ${LONGEST}`);
  if (unknown) words.push(`; ${unknown} of them unknown to this model, read as <unk>`);
  return `${words.join("")}.`;
}

function buildTabs(main) {
  const list = element("div", "tabs", main);
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Lessons");
  const panels = element("div", "panels", main);
  const [tabs, bodies] = [{}, {}];
  for (const [name, [title, , goal]] of Object.entries(LESSONS)) {
    const tab = button(list, title);
    const body = element("section", "lesson", panels);
    for (const [key, value] of Object.entries({ role: "tab", id: `tab_${name}`,
      "aria-controls": `panel_${name}` })) tab.setAttribute(key, value);
    for (const [key, value] of Object.entries({ role: "tabpanel", id: `panel_${name}`,
      "aria-labelledby": `tab_${name}` })) body.setAttribute(key, value);
    element("h2", "", body, title);
    element("p", "goal", body, goal);
    [tabs[name], bodies[name]] = [tab, element("div", "", body)];
    element("h3", "", body, "What you see");
    for (const words of WORDS[name]) element("p", "words", body, words);
  }
  const mark = (chosen) => {
    for (const [name, tab] of Object.entries(tabs)) {
      tab.setAttribute("aria-selected", String(name === chosen));
      tab.tabIndex = name === chosen ? 0 : -1;
      bodies[name].parentElement.hidden = name !== chosen;
    }
  };
  return { panels, bodies, mark, listen(turnTo) { listenToTabs(Object.entries(tabs), turnTo); } };
}

function listenToTabs(tabs, turnTo) {
  tabs.forEach(([name, tab], place) => {
    tab.onclick = () => turnTo(name);
    tab.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const [next, its] = tabs[(place + step + tabs.length) % tabs.length];
      its.focus();
      turnTo(next);
      event.preventDefault();
    };
  });
}

open();
