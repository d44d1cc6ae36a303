// A place in a notebook's output, with the app's colours, light or dark as the notebook is.
// `notebookStyle` stands before all modules.

// Draw once the output can be seen: before, it has no width and no colours. `build` gets
// the place and returns the functions `draw` and `stop`. Returns how to stop all of it.
export function whenSeen(el, build) {
  const host = element("div", "", el);
  host.dataset.lmSuppressShortcuts = "true"; // JupyterLab leaves keys to what is inside.
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(notebookStyle);
  shadow.adoptedStyleSheets = [sheet];
  const root = element("div", "notebook", shadow);
  root.dataset.ownKeys = "";
  let figure = null;
  const follow = () => {
    const dark = isDarkBehind(host);
    if (figure && dark === root.classList.contains("dark")) return;
    root.classList.toggle("dark", dark);
    figure?.draw();
  };
  const theme = new MutationObserver(follow);
  const seen = new ResizeObserver(() => {
    if (!host.clientWidth) return;
    seen.disconnect();
    follow();
    figure = build(root);
    figure.draw();
    const attributes = { attributeFilter: ["class", "style", "data-jp-theme-name", "data-theme"] };
    for (const each of [document.documentElement, document.body]) theme.observe(each, attributes);
  });
  seen.observe(host);
  return () => {
    seen.disconnect();
    theme.disconnect();
    figure?.stop();
  };
}

// Whether the first background behind a place that is not transparent is a dark one.
function isDarkBehind(place) {
  const editor = themeColour(document.body, "--vscode-editor-background");
  if (editor) return luminance(toRgb(editor)) < 0.2;
  for (let at = place; at; at = at.parentElement ?? at.getRootNode().host) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/^(transparent|rgba\(.*, 0\))$/.test(colour)) return luminance(toRgb(colour)) < 0.2;
  }
  return false;
}

// Tell Python what the reader chose.
export function choose(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

// Call `draw` when one of the model's values changes. Returns how to stop.
export function redrawOn(model, names, draw) {
  const events = names.map((name) => `change:${name}`).join(" ");
  model.on(events, draw);
  return () => model.off(events, draw);
}
