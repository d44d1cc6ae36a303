// A lesson in steps: Back, Next and Space, with a sentence beside them.

function buildStepper(root) {
  const bar = element("div", "bar", root);
  const back = element("button", "", bar, "◀ Back");
  const next = element("button", "main", bar, "Next ▶");
  back.title = "Shift + Space";
  next.title = "Space";
  const caption = element("p", "caption", bar);
  caption.setAttribute("aria-live", "polite");
  return { back, next, caption };
}

// Wire the buttons and Space to `state.stage`. Returns the way to go to any step, and the
// way to stop listening.
function stepThrough({ back, next }, count, state, update) {
  state.stage = clamp(state.stage, 0, count - 1);
  function mark() {
    back.disabled = state.stage === 0;
    next.disabled = state.stage === count - 1;
  }
  function go(stage) {
    state.stage = clamp(stage, 0, count - 1);
    mark();
    update();
  }
  function listen(event) {
    if (event.key !== " " || event.defaultPrevented || wantsSpace(event)) return;
    if (isElsewhere(next, event)) return;
    go(state.stage + (event.shiftKey ? -1 : 1));
    event.preventDefault();
  }
  back.onclick = () => go(state.stage - 1);
  next.onclick = () => go(state.stage + 1);
  // When only its data change, a view runs again without having been cleaned up: whoever
  // listened for it before would step through what is no longer shown.
  next.forget?.();
  next.forget = () => document.removeEventListener("keydown", listen);
  document.addEventListener("keydown", listen);
  mark();
  return { go, stop: next.forget };
}

// A tour asks for a stage, and lets the reader return when it asks no more (null).
function standWhereAsked(state, asked, stageOf) {
  if (asked === (state.asked ?? null)) return;
  if (!state.asked) state.left = state.stage;
  state.stage = asked === null ? state.left : stageOf(asked);
  state.asked = asked;
}

// In a notebook other things want Space: there a view hears only what is pressed inside it.
function isElsewhere(button, event) {
  const own = button.getRootNode().host?.closest("[data-own-keys]");
  return Boolean(own) && !event.composedPath().includes(own);
}

// Space belongs first to what has the focus: a field, a button. Inside a view's shadow,
// only the path knows what that is.
function wantsSpace(event) {
  const wants = "input, textarea, select, button, a, summary, [contenteditable=true], " +
    "[role=dialog], [role=button], [role=combobox], [role=listbox], [role=slider]";
  return event.composedPath().some((node) => node.matches?.(wants));
}
