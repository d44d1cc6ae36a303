// The page's own keys. A key belongs to whoever has the focus first: a field that is
// typed in, a control that moves by arrows, a view that handled the key itself.

const GATHERING_MS = 60; // A held key repeats faster than the page can run.
const PATIENCE_MS = 3000; // A page that takes longer is asked again.
const TYPING = "input, textarea, select, [contenteditable=true], [role=dialog], " +
  "[role=slider], [role=combobox], [role=listbox], [role=radiogroup], [role=tablist], " +
  "[role=grid], [role=menu], .stDataFrame";
const PRESSED_BY_SPACE = "button, a, summary, [role=button]";

export default function keyboard({ data, parentElement, setTriggerValue }) {
  // This script runs again after each run of the page. What was pressed meanwhile waits
  // for that: a message in between would stop the page before it has shown where the
  // last one led, and the browser would tell the old place as its own.
  const memory = (parentElement.minigptKeys ??= { presses: {}, sent: data.heard });
  let isAnswered = memory.sent === data.heard;
  let timer = null;

  function send() {
    timer = null;
    isAnswered = false;
    memory.sent += 1;
    setTriggerValue("pressed", { number: memory.sent, presses: memory.presses });
    memory.presses = {};
  }
  function sendSoon() {
    timer ??= setTimeout(send, isAnswered ? GATHERING_MS : PATIENCE_MS);
  }
  function listen(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!data.keys.includes(event.key) || belongsToFocus(event)) return;
    event.preventDefault();
    memory.presses[event.key] = (memory.presses[event.key] ?? 0) + 1;
    sendSoon();
  }

  document.addEventListener("keydown", listen);
  if (Object.keys(memory.presses).length) sendSoon();
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
