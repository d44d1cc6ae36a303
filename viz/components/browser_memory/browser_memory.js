// The storage may be closed to us (private windows, strict settings): then nothing is
// remembered, and nothing breaks.

export default function browser_memory({ data, parentElement, setStateValue }) {
  const view = parentElement.querySelector(".browser_memory");
  view.hand = setStateValue;
  if (!view.isListening) {
    view.isListening = true;
    setStateValue("found", read(data.name));
    const listen = (event) => {
      if (event.key === data.name && event.newValue) view.hand("found", event.newValue);
    };
    window.addEventListener("storage", listen);
    view.stop = () => window.removeEventListener("storage", listen);
  }
  if (data.text !== null) write(data.name, data.text);
  view.classList.toggle("read", data.text !== null);
  return () => {
    view.stop?.();
    view.isListening = false;
  };
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
