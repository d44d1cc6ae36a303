// Generation: the model gives a distribution, and we choose. One draw after the other.

import { openDraw, Window } from "../generation/sample.js";
import { RandomNumbers } from "../generation/random.js";
import { mount } from "./mounting.js";
import { button, predict, shuffled } from "./prediction.js";
import { likeliest, nextProbabilities } from "./reading.js";
import { displayPiece, lastWords, probabilityText } from "./texts.js";

const SHOWN = 8; // Tokens with a bar of their own.
const AT_ONCE = 20; // Tokens that one click writes.

export function generationLesson(panel, lesson) {
  const { model, tokenizer } = lesson;
  const state = { written: [], settings: { temperature: 0.8, topK: null, topP: 0.9 }, seed: 0 };
  const question = element("div", "", panel);
  const body = element("div", "", panel);
  body.hidden = true;
  const controls = element("div", "controls", body);
  const set = (name) => (value) => { state.settings[name] = value; draw(); };
  slider(controls, "Temperature", { min: 0, max: 2, step: 0.05, value: 0.8 },
    (value) => value.toFixed(2), set("temperature"));
  slider(controls, "Top-k", { min: 1, max: 41, step: 1, value: 41 },
    (value) => (value > 40 ? "off" : String(value)), (value) => set("topK")(value > 40 ? null : value));
  slider(controls, "Top-p", { min: 0.05, max: 1, step: 0.05, value: 0.9 },
    (value) => (value >= 1 ? "off" : value.toFixed(2)), (value) => set("topP")(value >= 1 ? null : value));
  const row = element("div", "options", body);
  const write = button(row, `Write ${AT_ONCE} tokens`, "main");
  const again = button(row, "Another seed");
  const clear = button(row, "Start over");
  let reading = null;
  let prompt = [];
  let text = null; // What the model has read of it is not read again.

  const put = (token) => { state.written.push(token); draw(); };
  const bars = mount(element("div", "stages", body), "filter_stages", {
    put, undone() { state.written.pop(); draw(); },
  });
  function nextDraw() {
    const unread = text.unread([...prompt, ...state.written]);
    const random = randomAt(state.seed, state.written.length, model);
    return openDraw(model, unread, { ...state.settings, random, cache: text.cache });
  }
  function draw() {
    again.title = `Seed ${state.seed}: the same seed writes the same text, here and in Python.`;
    again.textContent = `Another seed (now ${state.seed})`;
    clear.disabled = !state.written.length;
    bars(drawData(lesson, reading, state, nextDraw()));
  }
  // Token by token, so that the reader sees the text grow; any other action ends it.
  write.onclick = async () => {
    const { written } = state;
    const end = written.length + AT_ONCE;
    while (state.written === written && written.length < end) {
      const { token } = nextDraw();
      const length = written.push(token);
      draw();
      if (token === lesson.settings.eos) return; // The end of the text.
      await new Promise((done) => setTimeout(done, 30));
      if (written.length !== length) return;
    }
  };
  again.onclick = () => { state.seed++; state.written = []; draw(); };
  clear.onclick = () => { state.written = []; draw(); };

  return { show(next) {
    if (next.prompt !== reading?.prompt) state.written = [];
    reading = next;
    prompt = tokenizer.encode(next.prompt).slice(-model.config.max_seq_len);
    text = new Window(model, prompt.length);
    if (!question.childElementCount) ask(question, lesson, reading, () => {
      body.hidden = false;
      draw();
    });
    if (!body.hidden) draw();
  } };
}

function ask(place, { model, tokenizer }, reading, reveal) {
  const probabilities = nextProbabilities(model, reading);
  const order = likeliest(probabilities, 40);
  const named = (token) => displayPiece(tokenizer.piece(token));
  const [right, ...others] = [0, 1, 6, 24].map((rank) => order[Math.min(rank, order.length - 1)])
    .map(named);
  predict(place, {
    ask: ["The model has read “", lastWords(reading.prompt, 12), "”. Which token does it find likeliest next?"],
    ...shuffled(right, others, 3),
    told: [{ strong: right }, ` has probability ${probabilityText(probabilities[order[0]])}. `,
      "The model gives every token a probability; which one comes is drawn. Step through a draw:"],
  }, reveal);
}

// The random numbers of one draw: those of the tokens before it are used up.
function randomAt(seed, written, model) {
  const random = new RandomNumbers(seed);
  for (let count = 0; count < written * model.config.vocab_size; count++) random.exponential();
  return random;
}

function slider(place, name, range, words, tell) {
  const label = element("label", "slider", place);
  element("span", "", label, name);
  const input = element("input", "", label);
  Object.assign(input, { type: "range", ...range });
  input.value = range.value; // Once more: before its range was known it was cut off.
  const shown = element("output", "", label, words(range.value));
  input.oninput = () => {
    shown.textContent = words(Number(input.value));
    tell(Number(input.value));
  };
}

function drawData({ tokenizer, settings: { eos } }, reading, { written, settings }, draw) {
  const model = draw.stages[0];
  const order = likeliest(model.probabilities, SHOWN);
  const shown = order.includes(draw.token) ? order : [...order.slice(0, -1), draw.token];
  const piece = (token) => displayPiece(tokenizer.piece(token));
  const { temperature, topK, topP } = settings;
  return {
    prompt: reading.prompt,
    written: written.map(piece),
    chain: [{ name: "model", title: "model" },
      { name: "temperature", title: `temperature ${temperature.toFixed(2)}` },
      { name: "top_k", title: topK === null ? "top-k" : `top-k ${topK}` },
      { name: "top_p", title: topP === null ? "top-p" : `top-p ${topP.toFixed(2)}` }],
    tokens: shown,
    pieces: shown.map(piece),
    drawn: draw.token,
    ends: draw.token === eos,
    stage: null,
    stages: draw.stages.map((stage) => stageData(stage, shown)),
    race: raceData(draw, new Set(shown), shown),
  };
}

function stageData({ name, logits, probabilities, kept, removed, entropy }, shown) {
  const own = shown.map((token) => probabilities[token]);
  const keptHere = shown.filter((token) => logits[token] > -Infinity).length;
  const others = clamp(1 - own.reduce((sum, p) => sum + p, 0), 0, 1);
  return {
    name, kept, removed, probabilities: own,
    logits: shown.map((token) => (logits[token] > -Infinity ? logits[token] : null)),
    texts: own.map(probabilityText),
    othersText: probabilityText(kept > keptHere ? others : 0),
    keptOthers: kept - keptHere,
    numOthers: logits.length - shown.length,
    entropyText: entropy.toFixed(2),
  };
}

function raceData({ waits, arrivals }, inSight, shown) {
  const others = arrivals.reduce((first, time, token) =>
    (inSight.has(token) ? first : Math.min(first, time)), Infinity);
  const finite = (time) => (Number.isFinite(time) ? time : null);
  return { waits: shown.map((token) => waits[token]),
    arrivals: shown.map((token) => finite(arrivals[token])), firstOther: finite(others) };
}
