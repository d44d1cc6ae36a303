// Head explorer: all heads on the prompt, one of them close, and what ablating heads does.

import { drawArithmetic } from "./arithmetic.js";
import { drawBars } from "./bars.js";
import { effectsOfHeads, hardest } from "./effects.js";
import { mount, styledPlace } from "./mounting.js";
import { button, predict, tellAnswer } from "./prediction.js";
import { likeliest, nextProbabilities, read, rowOf } from "./reading.js";
import { displayPiece, headName, lastWords, probabilityText } from "./texts.js";

const MASKED_CELL = 65535;

export function headsLesson(panel, lesson) {
  const { model } = lesson;
  const state = { cell: null, ablated: [], revealed: false, effects: null };
  const parts = build(panel, lesson.model, {
    pick(place) { choose(place); draw(); },
    lock(cell) { state.cell = cell; drawCell(); },
  });
  const choose = (place) => { lesson.head = place; state.cell = null; };
  let whole = null; // The reading with every head.
  let shown = null; // The reading that is on the screen.

  function draw() {
    shown = state.ablated.length ? read(lesson, whole.prompt, state.ablated) : whole;
    parts.grid(gridData(lesson, shown, state));
    parts.title.textContent = `${headName(lesson.head)} close`;
    parts.map({ pieces: shown.pieces, weights: thousandths(shown, lesson.head),
      selected: state.cell });
    drawCell();
    drawAblation();
  }
  function drawCell() {
    const last = shown.tokens.length - 1;
    const [query, key] = state.cell ?? [last, strongest(shown, lesson.head, last)];
    drawArithmetic(parts.arithmetic, model, shown,
      { layer: lesson.head[0], head: lesson.head[1], query, key });
  }
  function drawAblation() {
    parts.ablation.hidden = !state.revealed;
    if (!state.revealed) return;
    const isGone = state.ablated.some((each) => String(each) === String(lesson.head));
    parts.toggle.textContent = `${isGone ? "Restore" : "Ablate"} ${headName(lesson.head)}`;
    parts.toggle.setAttribute("aria-pressed", String(isGone));
    parts.restore.disabled = !state.ablated.length;
    say(parts.gone, ...goneWords(state.ablated));
    const [before, after] = [whole, shown].map((reading) => nextProbabilities(model, reading));
    const tokens = [...new Set([...likeliest(before, 5), ...likeliest(after, 5)])].slice(0, 8);
    drawBars(parts.bars, tokens,
      { tokenizer: lesson.tokenizer, before: state.ablated.length ? before : null, after });
  }
  parts.toggle.onclick = () => {
    const others = state.ablated.filter((each) => String(each) !== String(lesson.head));
    state.ablated = others.length < state.ablated.length ? others : [...others, lesson.head];
    draw();
  };
  parts.restore.onclick = () => { state.ablated = []; draw(); };

  async function measure() {
    const measured = whole;
    const effects = await effectsOfHeads(lesson, measured, () => whole !== measured);
    if (!effects) return;
    state.effects = effects;
    if (!state.revealed && !parts.asked) parts.asked = ask(effects);
    if (state.revealed) draw();
  }
  function ask(effects) {
    parts.wait.remove();
    const question = hardest(effects);
    if (question.options.length < 2) { // There is nothing to guess among so few heads.
      state.revealed = true;
      tellAnswer(panel, null);
      draw();
      return true;
    }
    const piece = displayPiece(lesson.tokenizer.piece(effects.token));
    const { place, after } = question.answer;
    return predict(parts.question, {
      ask: ["Each head can be ablated: its output is set to zero. After “", lastWords(whole.prompt),
        "” the model expects ", { strong: piece }, ` with probability ${probabilityText(effects.before)}. `,
        "Which of these heads, ablated alone, changes this most?"],
      options: question.options.map(headName),
      right: question.right,
      told: ["Without ", { strong: headName(place) }, ` it is ${probabilityText(after)}. `,
        "The bar under each head shows its change. Attention alone does not tell: "
        + "ablate heads yourself."],
    }, () => { state.revealed = true; choose(place); draw(); });
  }
  return { show(reading) {
    [whole, state.effects] = [reading, null];
    state.cell = null;
    draw();
    measure();
  } };
}

function build(panel, model, { pick, lock }) {
  const columns = element("div", "columns", panel);
  const left = element("div", "", columns);
  element("h3", "", left, `All ${model.config.num_layers * model.config.num_heads} heads`);
  const gridPlace = element("div", "grid", left);
  element("p", "note", left, "A row is a token that reads, a column one that is read; "
    + "more ink, more weight. Choose a head.");
  const right = element("div", "", columns);
  const title = element("h3", "", right);
  const mapPlace = element("div", "map", right);
  const arithmetic = styledPlace(element("div", "arithmetic", panel), "attention_steps");
  element("h3", "", panel, "Without a head");
  const question = element("div", "", panel);
  const wait = element("p", "note", question, "Every head is tried once …");
  const ablation = element("div", "ablation", panel);
  const row = element("div", "options", ablation);
  const toggle = button(row, "", "toggle");
  const restore = button(row, "Restore all");
  const gone = element("p", "note", ablation);
  gone.setAttribute("aria-live", "polite");
  return {
    title, arithmetic, question, wait, ablation, toggle, restore, gone,
    grid: mount(gridPlace, "head_grid", { picked: pick }),
    map: mount(mapPlace, "attention_heatmap", { picked: lock }),
    bars: element("div", "", ablation),
    asked: null,
  };
}

function gridData({ model, tokenizer, head }, reading, { effects, revealed }) {
  const { num_layers: layers, num_heads: heads } = model.config;
  const length = reading.tokens.length;
  const weights = new Uint8Array((layers * heads * length * (length + 1)) / 2);
  let place = 0;
  for (let layer = 0; layer < layers; layer++) {
    const { values } = reading.hooks.get(`blocks.${layer}.attn.hook_pattern`);
    for (let row = 0; row < heads * length; row++)
      for (let key = 0; key <= row % length; key++)
        weights[place++] = Math.round(255 * values[row * length + key]);
  }
  const known = effects !== null && revealed;
  return { layers, heads, weights, side: length, causal: true, selected: head,
    scores: known ? effects.changes : null,
    scoreName: known ? `changes ${displayPiece(tokenizer.piece(effects.token))} by` : "",
    limit: known ? Math.max(...effects.changes.flat(), 1e-3) : 1, low: null, high: null };
}

function thousandths(reading, [layer, head]) {
  const length = reading.tokens.length;
  const { values } = reading.hooks.get(`blocks.${layer}.attn.hook_pattern`);
  return Uint16Array.from({ length: length ** 2 }, (_, cell) =>
    cell % length > Math.floor(cell / length) ? MASKED_CELL
      : Math.round(1000 * values[head * length ** 2 + cell]));
}

function strongest(reading, [layer, head], query) {
  const row = rowOf(reading, `blocks.${layer}.attn.hook_pattern`, head, query);
  return row.indexOf(Math.max(...row));
}

function goneWords(ablated) {
  if (!ablated.length)
    return ["No head is ablated. Choose one above, and switch it off."];
  return ["Ablated: ", { strong: ablated.map(headName).join(", ") },
    ". Dashed: the probability with all heads."];
}
