// A tour: the card with its words and buttons, its keys, and what the page is told.

const PATIENCE_MS = 3000; // A page that takes longer is asked again.
const ON = ["ArrowRight", "ArrowDown", " ", "PageDown"];
const BACK = ["ArrowLeft", "ArrowUp", "PageUp"];
const WRITTEN_IN = "input:not([type=radio], [type=checkbox], [type=range]), textarea, " +
  "[contenteditable=true]";

export default function tour({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tour");
  const state = root.tour ??= { tour: null };
  const { stops } = data;
  // This script runs again after each run of the page, which shows where the last message
  // led. Whoever went on meanwhile is ahead: the page is told once it has answered.
  state.stop?.();
  if (state.tour !== data.tour)
    Object.assign(state, { tour: data.tour, at: data.at, sent: data.heard, closing: null });
  Object.assign(state, { stops, heard: data.heard, shown: data.at });
  const parts = prepareTour(root);
  let timer = null;

  function send() {
    clearTimeout(timer);
    timer = null;
    state.sent += 1;
    const { closing } = state;
    setTriggerValue("moved",
      { number: state.sent, at: closing ? null : state.at, keep: closing === "keep" });
  }
  function tell() {
    if (state.sent === data.heard) send();
    else timer ??= setTimeout(send, PATIENCE_MS);
  }
  function go(step) {
    const at = clamp(state.at + step, 0, stops.length - 1);
    if (at === state.at) return;
    state.at = at;
    show();
    tell();
  }
  function close(how) {
    state.closing = how;
    silence();
    show();
    tell();
  }
  function show() {
    showCard(parts, stops, state);
    if (!state.closing) speak(state, stops[state.at].words);
  }

  parts.back.onclick = () => go(-1);
  parts.next.onclick = () => state.at < stops.length - 1 ? go(1) : close("undo");
  parts.keep.onclick = () => close("keep");
  parts.close.onclick = () => close("undo");
  const stopListening = listenForTour(parts, go, close);
  const stopVoices = offerVoice(parts, state, () => stops[state.at].words);
  const stopLight = followRegion(parts, state, () => stops[state.at].region);
  show();
  if (state.closing || state.at !== data.at) tell();
  return state.stop = () => {
    stopListening();
    stopVoices();
    stopLight();
    clearTimeout(timer);
    if (!root.isConnected) silence();
  };
}

// Build the elements once. Both are popovers: nothing on the page lies above them.
function prepareTour(root) {
  if (root.parts) return root.parts;
  const light = element("div", "light", root);
  const card = element("div", "card", root);
  light.popover = card.popover = "manual";
  card.tabIndex = -1;
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-label", "Tour of this page");
  const words = element("p", "words", card);
  words.setAttribute("aria-live", "polite");
  const bar = element("div", "buttons", card);
  const count = element("span", "count quiet", bar);
  const button = (label, title, className = "") => {
    const made = element("button", className, bar, label);
    made.type = "button";
    made.title = title;
    return made;
  };
  const voice = button("Read aloud", "");
  const keep = button("Keep this view", "Close the tour, and leave the page as it is now");
  const back = button("◀ Back", "← or Page Up");
  const next = button("Next ▶", "→, Space or Page Down", "main");
  const close = button("✕", "Close the tour, and return to where you were: Esc");
  close.setAttribute("aria-label", "Close the tour");
  return root.parts = { light, card, words, count, voice, keep, back, next, close };
}

function showCard(parts, stops, { at, closing }) {
  for (const part of [parts.light, parts.card]) {
    const isOpen = part.matches(":popover-open");
    if (closing && isOpen) part.hidePopover();
    if (!closing && !isOpen) part.showPopover();
  }
  if (closing) return;
  const isLast = at === stops.length - 1;
  parts.words.textContent = stops[at].words;
  parts.count.textContent = `${at + 1} of ${stops.length}`;
  parts.back.disabled = at === 0;
  parts.next.textContent = isLast ? "Done" : "Next ▶";
  parts.keep.hidden = !isLast;
}

// The tour's keys come before those of the page, whatever has the focus there.
function listenForTour({ card }, go, close) {
  function listen(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const path = event.composedPath();
    if (path.some((node) => node.matches?.(WRITTEN_IN))) return;
    const isOnButton = path.includes(card) && path[0].matches?.("button");
    if (event.key === " " && isOnButton) return;
    const step = ON.includes(event.key) ? 1 : BACK.includes(event.key) ? -1 : 0;
    if (!step && event.key !== "Escape") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.repeat) return; // A key that is held down would race through.
    if (step) go(step);
    else close("undo");
  }
  window.addEventListener("keydown", listen, true);
  return () => window.removeEventListener("keydown", listen, true);
}
