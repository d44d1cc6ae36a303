// Drawing: elements, canvases and the unpacking of arrays. Text is only ever set as
// textContent or drawn on a canvas, so that no token can become markup.

const MASKED = 65535;

// A server packs arrays as text; in a lesson file they come as they are.
function decodeBytes(packed) {
  if (typeof packed !== "string") return packed;
  return Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
}

// Two bytes per weight, the low one first.
function decodeThousandths(packed) {
  if (typeof packed !== "string") return packed;
  const bytes = decodeBytes(packed);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) =>
    bytes[2 * i] | (bytes[2 * i + 1] << 8));
}

function formatWeight(thousandths) {
  return (thousandths / 1000).toFixed(3);
}

function element(tag, className, parent, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

function svgElement(tag, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

// A caption in words. Emphasis is given as {strong: "text"}.
function say(caption, ...parts) {
  caption.replaceChildren(...parts.map((part) =>
    part.strong === undefined ? String(part) : element("strong", "", null, part.strong)));
}

// Type follows the page's root size, which present mode enlarges.
function rem() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

function fontOf(root, size, { code = false, weight = 400 } = {}) {
  const family = themeColour(root, code ? "--st-code-font" : "--st-font");
  return `${weight} ${size}px ${family || "sans-serif"}`;
}

// Give the canvas as many pixels as the screen has, and return a context in CSS pixels.
function sizedContext(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  // While a picture is saved, whoever saves it wants to know each stroke.
  return canvas.closest(".view")?.noteStrokes?.(canvas, context, density) ?? context;
}

// The longest beginning of a text that fits, with an ellipsis where it was cut.
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const characters = [...text];
  while (characters.length > 1 &&
         context.measureText(`${characters.join("")}…`).width > width) characters.pop();
  return `${characters.join("")}…`;
}

// Call `layout` now and whenever the width changes; the result stops watching.
function followWidth(root, layout) {
  let width = -1;
  const observer = new ResizeObserver(() => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    layout();
  });
  observer.observe(root);
  width = root.clientWidth;
  layout();
  return () => observer.disconnect();
}

// Arrow keys as a step in rows and columns, or null for any other key.
function arrowStep(event) {
  return {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  }[event.key] ?? null;
}

// How tall a picture may be, so that it is seen whole on a projector.
function roomBelow() {
  return 0.46 * window.innerHeight;
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

// Move the keyboard's place to the nth of several elements (a "roving tabindex").
function moveFocus(elements, place) {
  const next = clamp(place, 0, elements.length - 1);
  elements.forEach((each, i) => { each.tabIndex = i === next ? 0 : -1; });
  elements[next]?.focus();
}

// Where the keyboard stands among a list's options; -1 if it is elsewhere. To be asked
// before they are made anew.
function focusedOption(list) {
  return [...list.querySelectorAll("[role=option]")]
    .indexOf(list.getRootNode().activeElement);
}

// Put the keyboard back where it stood: it may have moved on while the page ran. If it
// stood elsewhere, Tab leads to `entry`.
function placeKeyboard(elements, focused, entry) {
  if (focused >= 0) moveFocus(elements, focused);
  else if (elements.length) elements[entry].tabIndex = 0;
}

// Let a pointer preview one of several elements, and a click or a key choose it.
// `state` holds `hovered` and `selected`; `update` shows it, `tell` is told the choice.
function chooseAmong(elements, state, update, tell) {
  function select(place) {
    state.selected = place;
    state.hovered = null;
    update();
    tell(place);
  }
  elements.forEach((element, place) => {
    const hover = (value) => () => { state.hovered = value; update(); };
    element.onmouseenter = element.onfocus = hover(place);
    element.onmouseleave = element.onblur = hover(null);
    element.onclick = () => { moveFocus(elements, place); select(place); };
    element.onkeydown = (event) => {
      const step = arrowStep(event);
      if (step) moveFocus(elements, place + step[0] + step[1]);
      else if (event.key === "Enter" || event.key === " ") select(place);
      else if (event.key === "Escape") select(null);
      else return;
      event.preventDefault();
    };
  });
}

// A caption that is read aloud, and below it a stage that takes the keyboard.
function captionedStage(root) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const stage = element("div", "stage", root);
  stage.tabIndex = 0;
  stage.setAttribute("role", "application");
  return { caption, stage };
}
