// What one view has handed over to others of its page (`delivery`), by its name.

const DELIVERY = "minigpt-delivery";

function deliver(name, what) {
  globalThis.minigptDelivered ??= new Map();
  globalThis.minigptDelivered.set(name, what);
  document.dispatchEvent(new CustomEvent(DELIVERY, { detail: name }));
}

function delivered(name) {
  return globalThis.minigptDelivered?.get(name) ?? null;
}

// Call `then` once it has come; the result stops waiting.
function awaitDelivery(name, then) {
  const waiting = new AbortController();
  document.addEventListener(DELIVERY, ({ detail }) => {
    if (detail !== name) return;
    waiting.abort();
    then();
  }, { signal: waiting.signal });
  return () => waiting.abort();
}
