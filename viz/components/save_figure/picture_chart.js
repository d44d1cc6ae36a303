// A chart as shapes: Vega, which drew it, writes it as SVG.

// Read a chart into a group. Returns its size.
async function readChart(chart, group, repaint) {
  const view = vegaViewOf(chart);
  if (!view) return readPixels(chart, group);
  const written = await view.toSVG();
  const svg = new DOMParser().parseFromString(written, "image/svg+xml").documentElement;
  copyWritten(svg, group, `${freshId("chart")}-`, repaint);
  const [, , width, height] = svg.getAttribute("viewBox").split(/[ ,]+/).map(Number);
  return { width, height };
}

// Streamlit keeps what draws a chart in a reference (`useRef`) of the chart's component,
// and offers no other way to it.
function vegaViewOf(chart) {
  const key = Object.keys(chart).find((name) => name.startsWith("__reactFiber$"));
  for (let fiber = chart[key]; fiber; fiber = fiber.return)
    for (let hook = fiber.memoizedState; hook && "next" in hook; hook = hook.next)
      if (typeof hook.memoizedState?.current?.toSVG === "function")
        return hook.memoizedState.current;
  return null;
}

// Whatever else was painted on a canvas is saved as it looks.
function readPixels(chart, group) {
  const canvas = chart.querySelector("canvas");
  if (!canvas) throw new Error("This chart is not drawn yet.");
  const { width, height } = canvas.getBoundingClientRect();
  notePixels(group, canvas, 0, 0, width, height);
  return { width, height };
}

// Copy what Vega wrote: its attributes are plain already, but for names and colours.
function copyWritten(node, parent, prefix, repaint) {
  for (const child of node.children) {
    if (SKIPPED.includes(child.localName)) continue;
    const copy = svgElement(child.localName, plainAttributes(child, prefix), parent);
    for (const name of ["fill", "stroke"])
      if (child.hasAttribute(name)) {
        const opacity = Number(child.getAttribute(`${name}-opacity`) ?? 1);
        setPaint(copy, name, inOwnNames(child.getAttribute(name), prefix), opacity, repaint);
      }
    if (child.hasAttribute("stop-color"))
      setPaint(copy, "stop-color", child.getAttribute("stop-color"), 1, repaint);
    if (child.hasAttribute("font-family"))
      copy.setAttribute("font-family", familyOf(child.getAttribute("font-family")));
    if (child.children.length) copyWritten(child, copy, prefix, repaint);
    else if (child.textContent.trim()) copy.textContent = fitForXml(child.textContent);
  }
}
