/* What a reader cannot see whole: cut off, scrolled away in a box, or over the edge.

   Walks through the page and the shadow trees of its figures; returns a line for each
   fault. `allowed` names, as a selector, the boxes that are meant to scroll: of those it
   is only asked that they lie on the screen, and that what is `chosen` in them is in
   sight. */
({ allowed, chosen }) => {
  const SLACK = 3; // px: rounding
  const LINE = 6; // px: the air above and below letters, which may be cut
  const SHAPES = "svg, canvas, img, button, input, textarea, select";
  const edge = document.documentElement.clientWidth;
  const found = new Map();
  const up = (node) => node.parentElement ?? node.getRootNode().host;
  const place = (node) => {
    for (let at = node; at; at = up(at))
      for (const each of at.classList ?? [])
        if (each.startsWith("st-key-")) return each.slice("st-key-".length);
    return "";
  };
  const tell = (node, fault, text = node.textContent) => {
    const own = node.classList[0]?.replace(/^st-emotion.*|^st-..$/, "") ?? "";
    const line = `${place(node)} ${node.localName}.${own} ${fault}`;
    if (!found.has(line)) found.set(line, text.trim().slice(0, 40));
  };
  const hasWords = (node) =>
    [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
  const inspectBox = (node, style) => {
    if (node.clientWidth < 3 || node.clientHeight < 3) return false; // for screen readers
    const right = node.scrollWidth - node.clientWidth;
    const below = node.scrollHeight - node.clientHeight;
    if (style.overflowX !== "visible" && right > SLACK)
      tell(node, `(${style.overflowX}) holds ${right} px more to the right`);
    if (style.overflowY !== "visible" && below > LINE)
      tell(node, `(${style.overflowY}) holds ${below} px more below`);
    return style.overflowX !== "visible" && right > SLACK;
  };
  const inspectWords = (node, frame) => {
    const box = node.getBoundingClientRect();
    if (box.width === 0) return;
    const over = Math.max(
      box.right - frame.right, frame.left - box.left,
      box.bottom - frame.bottom, frame.top - box.top,
    );
    if (over > LINE)
      tell(node.ownerSVGElement, `cuts ${Math.round(over)} px off`, node.textContent);
  };
  const inspectScroller = (node) => {
    const box = node.getBoundingClientRect();
    if (!node.matches("input") && box.width > 2 && box.right > edge + SLACK)
      tell(node, "scrolls beyond the edge");
    const held = chosen && node.querySelector(chosen)?.getBoundingClientRect();
    if (held && (held.left < box.left - SLACK || held.right > box.right + SLACK ||
      held.top < box.top - SLACK || held.bottom > box.bottom + SLACK))
      tell(node, "has what is chosen out of sight");
  };
  const walk = (node, frame, isScrolled) => {
    if (node.localName === "style") return;
    if (node.matches(allowed)) return inspectScroller(node);
    const style = getComputedStyle(node);
    const hasBox = style.display !== "contents";
    if (hasBox && !node.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      return;
    if (node.ownerSVGElement) {
      if (node.localName === "text" && frame) inspectWords(node, frame);
    } else {
      const { right, width } = node.getBoundingClientRect();
      if (node.dataset.testid !== "stMain" && node.localName !== "svg")
        isScrolled = inspectBox(node, style) || isScrolled; // told once, not per child
      if (!isScrolled && width > 2 && right > edge + SLACK && (hasWords(node) || node.matches(SHAPES)))
        tell(node, `reaches ${Math.round(right - edge)} px over the screen's edge`);
      if (node.localName === "svg")
        frame = style.overflowX === "visible" ? null : node.getBoundingClientRect();
    }
    for (const child of node.shadowRoot?.children ?? []) walk(child, frame, isScrolled);
    for (const child of node.children) walk(child, frame, isScrolled);
  };
  walk(document.querySelector("[data-testid=stMain]"), null, false);
  return [...found].map(([line, text]) => `${line}: “${text}”`);
}
