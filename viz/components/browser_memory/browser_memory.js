// The storage may be closed to us (private windows, strict settings): then nothing is
// remembered, and nothing breaks.

export default function browser_memory({ data, parentElement, setStateValue }) {
  const view = parentElement.querySelector(".browser_memory");
  // A view ends with its page; what this window has said, with its session.
  window.minigptMemory ??= {};
  const said = window.minigptMemory;
  if (said.session !== data.session) {
    said.session = data.session;
    const found = read(data.name);
    said.waits = found !== "";
    if (said.waits) setStateValue("found", found);
  }
  if (data.is_heard) said.waits = false;
  if (!said.waits) write(data.name, data.text);
  view.classList.toggle("read", !said.waits);

  const listen = (event) => {
    if (event.key === data.name && event.newValue) {
      setStateValue("found", event.newValue);
    }
  };
  window.addEventListener("storage", listen);
  return () => window.removeEventListener("storage", listen);
}

function read(name) {
  try {
    return window.localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

function write(name, text) {
  try {
    if (window.localStorage.getItem(name) !== text) {
      window.localStorage.setItem(name, text);
    }
  } catch {
    // Full or forbidden: the file on Home is the other way to keep it.
  }
}
