// The page's own keys. A key belongs to whoever has the focus first: a field that is
// typed in, a control that moves by arrows, a view that handled the key itself.

const GATHERING_MS = 60; // A held key repeats faster than the page can run.
const TYPING = "input, textarea, select, [contenteditable=true], [role=dialog], " +
  "[role=slider], [role=combobox], [role=listbox], [role=radiogroup], [role=tablist], " +
  "[role=grid], [role=menu], .stDataFrame";
const PRESSED_BY_SPACE = "button, a, summary, [role=button]";

export default function keyboard({ data, setTriggerValue }) {
  let presses = {};
  let timer = null;

  function send() {
    timer = null;
    setTriggerValue("pressed", presses);
    presses = {};
  }
  function listen(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!data.keys.includes(event.key) || belongsToFocus(event)) return;
    event.preventDefault();
    presses[event.key] = (presses[event.key] ?? 0) + 1;
    timer ??= setTimeout(send, GATHERING_MS);
  }

  document.addEventListener("keydown", listen);
  return () => {
    document.removeEventListener("keydown", listen);
    clearTimeout(timer);
  };
}

function belongsToFocus(event) {
  const wants = event.key === " " ? `${TYPING}, ${PRESSED_BY_SPACE}` : TYPING;
  // Inside a view's shadow, only the path knows what was really focused.
  return event.composedPath().some((node) => node.matches?.(wants));
}
