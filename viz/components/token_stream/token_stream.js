// Generated text, each token tinted by its probability. Hover previews a step, a click or
// Enter locks it; its alternatives stand below as bars, and a click on one forces it.

export default function tokenStream({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".token_stream");
  root.parts ??= prepareStream(root);
  const { caption, list, lines, panel } = root.parts;
  const state = { selected: data.selected, hovered: null };
  let drawn; // The step whose alternatives stand in the panel.
  const focused = focusedOption(list);
  const spans = data.steps.map(makeToken);
  list.replaceChildren(element("span", "prompt", null, data.prompt),
    ...spans.flatMap((span, i) =>
      data.steps[i].breaks ? [span, document.createElement("br")] : [span]));

  const hover = (place) => { state.hovered = place; update(); };
  const choose = (place) => spans[place]?.click();
  const mark = drawSurprise(lines, data.steps, { hover, choose });
  function update() {
    const place = state.hovered ?? state.selected;
    mark(place);
    spans.forEach((span, i) => span.setAttribute("aria-selected", i === state.selected));
    describeStep(caption, data.steps, place, state);
    // Redrawn only when another step is shown: a button must survive its own click,
    // which first takes the focus from a token.
    if (place === drawn) return;
    drawn = place;
    drawAlternatives(panel, place === null ? null : data.steps[place],
      (token) => setTriggerValue("forced", { step: place, token }));
  }
  chooseAmong(spans, state, update, (value) => setTriggerValue("picked", { value }));
  const entry = state.selected ?? Math.max(0, spans.length - 1);
  placeKeyboard(spans, focused, entry);
  update();
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareStream(root) {
  const legend = element("div", "legend quiet", root);
  element("span", "", legend, "probability 0");
  element("span", "ramp", legend);
  element("span", "", legend, "1");
  const list = element("div", "stream", root);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label",
    "Generated tokens. Arrow keys move, Enter locks a token, Escape clears.");
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const lines = element("div", "lines", root);
  return { list, caption, lines, panel: element("div", "alternatives", root) };
}

function makeToken({ piece, probability, probabilityText }) {
  const span = element("span", "token", null, piece);
  span.style.setProperty("--share", `${Math.round(probability * 100)}%`);
  span.setAttribute("role", "option");
  span.setAttribute("aria-label", `${piece}, probability ${probabilityText}`);
  span.tabIndex = -1;
  return span;
}

function describeStep(caption, steps, place, state) {
  if (!steps.length) return say(caption, "Nothing has been generated yet.");
  if (place === null)
    return say(caption, "Point at a token to see what else might have come.");
  const step = steps[place];
  const locked = place === state.selected && state.hovered === null;
  say(caption, { strong: step.piece }, ` came with probability ${step.probabilityText}`,
    ` · surprise ${step.surpriseText}, entropy ${step.entropyText} nats · step ${place + 1} of ${steps.length}`,
    locked ? " · locked, Esc clears" : "");
}
