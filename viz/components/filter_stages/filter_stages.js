// One draw: the bars of one set of tokens, changed stage by stage, and the draw at the end.

const STAGE_MS = 1100; // How long Play rests at a stage.

export default function filterStages({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".filter_stages");
  const parts = root.parts ??= prepareStages(root);
  const state = root.state ??= { stage: 0, playing: false, text: null };
  // Another text is another draw: begin with what the model says. Other settings for
  // the same text keep their stage, so that its bars are seen to move.
  const text = [data.prompt, ...data.written].join("\u0000");
  const last = data.stages.length; // The draw comes after the filters.
  if (text !== state.text) Object.assign(state, { text, stage: state.atEnd ? last : 0 });
  state.atEnd = false;
  const names = [...data.stages.map(({ name }) => name), "draw"];
  standWhereAsked(state, data.stage, (name) => Math.max(0, names.indexOf(name)));
  state.stage = clamp(state.stage, 0, last);
  state.hovered = null;
  clearTimeout(root.timer);

  const put = (token) => setTriggerValue("put", { value: token });
  function update() {
    fillText(parts.text, data);
    markChain(parts.chain, data, state.stage);
    fillRows(parts, data, state);
    fillMass(parts.mass, data, state.stage);
    say(parts.caption, ...stageSentence(data, state));
    parts.back.disabled = state.stage === 0 && !data.written.length;
    parts.next.textContent = state.stage === last ? "Append it ▶" : "Next ▶";
    parts.play.textContent = state.playing ? "❚❚ Pause" : "▶▶ Play";
    parts.play.setAttribute("aria-pressed", state.playing);
  }
  function go(stage) {
    if (stage > last) return put(data.drawn);
    if (stage < 0) {
      if (!data.written.length) return;
      state.atEnd = true; // Back to where the token before was drawn.
      return setTriggerValue("undone", { value: 1 });
    }
    state.stage = stage;
    update();
  }
  function play() {
    clearTimeout(root.timer);
    if (state.stage === last && data.ends) state.playing = false;
    update();
    if (!state.playing) return;
    root.timer = setTimeout(advance, STAGE_MS);
  }
  function advance() {
    // The server answers with the next draw, where this plays on. Asked twice, a slow
    // one would begin anew each time and never answer.
    if (state.stage === last) return put(data.drawn);
    go(state.stage + 1);
    play();
  }
  function step(by) {
    state.playing = false;
    go(state.stage + by);
    update();
  }
  parts.back.onclick = () => step(-1);
  parts.next.onclick = () => step(1);
  parts.play.onclick = () => { state.playing = !state.playing; play(); };
  parts.chain.onclick = ({ target }) => {
    const stage = Number(target.closest?.("button")?.dataset.stage ?? NaN);
    if (Number.isFinite(stage)) step(stage - state.stage);
  };
  buildRows(parts, data, put, (row) => { state.hovered = row; update(); });
  // Data that changed while the view stood still: the listener before knows old data.
  root.stop?.();
  root.stop = listenForSpace(step);
  play();
  return () => { root.stop(); clearTimeout(root.timer); };
}

// Build the frame once; its content changes with the text and the settings.
function prepareStages(root) {
  const text = element("p", "text", root);
  const { back, next, caption } = buildStepper(root);
  const play = element("button", "play");
  next.after(play);
  const chain = element("div", "chain", root);
  chain.setAttribute("role", "group");
  chain.setAttribute("aria-label", "The stages, in the order in which they apply");
  return {
    text, back, next, play, caption, chain,
    mass: element("div", "mass", root),
    rows: element("div", "rows", root),
  };
}

function listenForSpace(step) {
  function listen(event) {
    if (event.key !== " " || event.defaultPrevented || wantsSpace(event)) return;
    step(event.shiftKey ? -1 : 1);
    event.preventDefault();
  }
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}

function fillText(place, { prompt, written }) {
  place.replaceChildren(element("span", "prompt", null, prompt),
    ...written.map((piece) => element("span", "written", null, piece)),
    element("span", "gap", null, "?"));
}

function markChain(chain, { chain: names, stages }, stage) {
  const place = new Map(stages.map(({ name }, i) => [name, i]));
  const all = [...names, { name: "draw", title: "draw" }];
  place.set("draw", stages.length);
  chain.replaceChildren(...all.flatMap(({ name, title }, i) => {
    const here = place.get(name);
    const chip = element("button", here === undefined ? "chip off" : "chip", null, title);
    chip.type = "button";
    chip.disabled = here === undefined;
    if (here !== undefined) chip.dataset.stage = here;
    else chip.title = "off: changes nothing";
    if (here === stage) chip.setAttribute("aria-current", "step");
    return i ? [element("span", "quiet", null, "→"), chip] : [chip];
  }));
}

// The probability before a stage: what the stage keeps, and what it removes.
function fillMass(mass, { stages, race }, stage) {
  const drawing = stage === stages.length;
  const here = stages[Math.min(stage, stages.length - 1)];
  const removed = drawing ? 0 : here.removed;
  const kept = mass.querySelector(".kept") ?? element("span", "kept", mass);
  const gone = mass.querySelector(".gone") ?? element("span", "gone", mass);
  kept.style.width = `${100 * (1 - removed)}%`;
  gone.style.width = `${100 * removed}%`;
  kept.textContent = drawing && race ? `One of ${here.kept} tokens is drawn`
    : `${here.kept} tokens stay`;
  gone.textContent = removed > 0.12 ? `${removed.toFixed(3)} removed` : "";
  mass.setAttribute("role", "img");
  mass.setAttribute("aria-label",
    `${here.kept} tokens stay; probability ${removed.toFixed(3)} was removed`);
}

const SENTENCES = {
  model: () => "The softmax of the model's logits: the model's own distribution.",
  repetition_penalty: () => "Tokens that already occurred move down.",
  temperature: () => "All logits are divided by the temperature; none is removed.",
  top_k: ({ kept }) => `Only the ${kept} likeliest stay`,
  top_p: ({ kept }) => `The fewest that reach top-p together: ${kept} stay`,
  min_p: ({ kept }) => `Those below this share of the likeliest token's probability go: ${kept} stay`,
};

function stageSentence(data, { stage, hovered }) {
  if (hovered !== null) return tokenSentence(data, hovered);
  if (stage < data.stages.length) {
    const here = data.stages[stage];
    const words = SENTENCES[here.name](here);
    const bends = ["model", "temperature", "repetition_penalty"].includes(here.name);
    const removed = bends ? " " : here.removed > 0
      ? `; ${probabilityWords(here.removed)} was removed, and the rest renormalised. `
      : "; it removes nothing here. ";
    return [words, removed, `Entropy ${here.entropyText} nats.`];
  }
  const drawn = data.pieces[data.tokens.indexOf(data.drawn)];
  if (!data.race) return ["Greedy, without chance: always the likeliest, ", { strong: drawn }, "."];
  return ["A race: each token's random wait is divided by its probability, and the " +
    "shortest wins: ", { strong: drawn },
    data.ends ? ". The text ends here." : ". Another seed, another race."];
}

function tokenSentence({ pieces, stages, chain }, row) {
  const way = stages.map(({ name, texts, logits }) => {
    const title = chain.find((each) => each.name === name).title;
    return `${title} ${logits[row] === null ? "removed" : texts[row]}`;
  });
  return [{ strong: pieces[row] }, `: ${way.join(" → ")}. Click to append it.`];
}

function probabilityWords(share) {
  return share >= 0.0005 ? share.toFixed(3) : "less than 0.001";
}
