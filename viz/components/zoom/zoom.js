// Vectors as rows of cells: a click or the wheel goes into a row, Esc or the wheel out.

const TURN = 60; // How far a wheel turns for one level.

export default function zoom({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".zoom");
  const parts = prepareZoom(root);
  const state = root.state ??= { depth: data.path.length, turned: 0, hovered: null, shown: 0 };
  const isNewLevel = state.level !== data.path.join("\u0000");
  const change = isNewLevel ? Math.sign(data.path.length - state.depth) || 1 : 0;
  const shown = isNewLevel ? data.rows.length : state.shown;
  Object.assign(state, { level: data.path.join("\u0000"), depth: data.path.length,
    shown: data.rows.length, turned: 0, hovered: null });

  let waits = false; // for the page, which answers with another level
  function move(into, place) {
    if (waits) return;
    waits = true;
    setTriggerValue("moved", { value: [into, place] });
  }
  const open = (row) => data.rows[row]?.opens && move(1, row);
  const out = () => data.path.length > 1 && move(0, data.path.length - 2);

  const draw = () => drawLevel(parts, root, data, { open, move, state });
  const unwatch = followWidth(root, draw);
  if (change) zoomIn(parts.rows, change);
  else glideIn(parts.rows, shown);

  root.onkeydown = (event) => {
    const step = arrowStep(event);
    const rows = [...parts.rows.querySelectorAll("[role=button]")];
    if (event.key === "Escape" && data.path.length > 1) out();
    else if (step?.[0] && rows.length) moveFocus(rows, rows.indexOf(event.target) + step[0]);
    else return;
    event.preventDefault();
    event.stopPropagation(); // The page has keys of its own.
  };
  function turn(event) {
    if (!root.contains(root.getRootNode().activeElement)) return; // it scrolls the page
    event.preventDefault();
    state.turned += event.deltaY;
    if (Math.abs(state.turned) < TURN) return;
    const isIn = state.turned < 0;
    state.turned = 0;
    if (!isIn) out();
    else if (state.hovered !== null) open(state.hovered);
  }
  root.addEventListener("wheel", turn, { passive: false });
  state.stop?.();
  return state.stop = () => {
    unwatch();
    root.removeEventListener("wheel", turn);
  };
}

// Build the elements once; the function above runs again on every change of data or theme.
function prepareZoom(root) {
  if (root.parts) return root.parts;
  const path = element("nav", "path", root);
  path.setAttribute("aria-label", "Levels");
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const rows = element("div", "rows", root);
  const next = element("div", "next", root);
  const legend = element("p", "legend quiet", root);
  rows.tabIndex = 0;
  rows.setAttribute("role", "group");
  rows.setAttribute("aria-label", "Vectors, one per row");
  return root.parts = { path, caption, rows, next, legend };
}

function isStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

// The new level comes nearer, or moves away.
function zoomIn(rows, direction) {
  if (isStill()) return;
  const from = direction > 0 ? 0.86 : 1.1;
  rows.animate([{ transform: `scale(${from})`, opacity: 0.2 }, { transform: "none", opacity: 1 }],
    { duration: 320, easing: "ease-out" });
}

// Rows that were not there before come out of the row above.
function glideIn(rows, before) {
  if (isStill()) return;
  [...rows.children].slice(before - 1).forEach((row) => {
    const canvas = row.querySelector("canvas");
    canvas?.animate([{ transform: "translateY(-2.2rem)", opacity: 0 }, { transform: "none", opacity: 1 }],
      { duration: 380, easing: "ease-out" });
  });
}
