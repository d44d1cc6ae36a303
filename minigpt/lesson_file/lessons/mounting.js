// Puts a view of the app into this page. `views` and `viewStyles` stand before all modules.

// A place of its own style: nothing of the page's style sheet reaches into it.
export function styledPlace(place, name) {
  const shadow = place.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(viewStyles[name]);
  shadow.adoptedStyleSheets = [sheet];
  return element("div", `view ${name}`, shadow);
}

const stops = new Set(); // One for each view that listens to the keyboard now.

// Let no view listen until it is drawn again: one that is out of sight would hear Space.
export function rest() {
  for (const stop of stops) stop();
  stops.clear();
}

// Returns the function that draws data; its `stop` lets this one view rest. `listeners` hear
// what the reader does, by the name of the event.
export function mount(place, name, listeners = {}) {
  const parentElement = styledPlace(place, name).getRootNode();
  const setTriggerValue = (event, { value }) => listeners[event]?.(value);
  let stop = null;
  const draw = (data) => {
    draw.stop();
    stop = views[name]({ data, parentElement, setTriggerValue });
    if (stop) stops.add(stop);
  };
  draw.stop = () => { if (stops.delete(stop)) stop(); };
  return draw;
}
