/* What a reader can read on the page: every piece of text with the region it stands in.

   Words, numbers in fields, and what a figure says of a mark when it is pointed at. The
   questions are left out: their own words are no evidence. */
() => {
  const QUESTIONS = ".st-key-check, [class*=st-key-predict_], [class*=st-key-seen_], " +
    ".st-key-warm_up, .st-key-take_tour, style, script";
  const KINDS = { stDataFrame: "table", stVegaLiteChart: "chart", stCaptionContainer: "caption",
    stExpander: "expander", stMetric: "metric", stCode: "code", stMarkdown: "text" };
  const read = [];
  const isSeen = (node) => getComputedStyle(node).display === "contents"
    || node.closest("canvas") || node.checkVisibility({ visibilityProperty: true });
  const walk = (node, key, kind) => {
    if (node.matches(QUESTIONS) || !isSeen(node)) return;
    for (const each of node.classList)
      if (each.startsWith("st-key-")) key = each.slice("st-key-".length);
    kind = KINDS[node.dataset?.testid] ?? (node.localName === "canvas" ? kind : kind);
    const tell = (text) => {
      if (text?.trim()) read.push([key, kind, text.trim().replace(/\s+/g, " ")]);
    };
    for (const name of ["aria-label", "title", "value"]) tell(node.getAttribute(name));
    if (node.matches("input, textarea")) tell(node.value);
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    if (own) tell(node.textContent);
    for (const child of node.shadowRoot?.children ?? []) walk(child, key, "figure");
    for (const child of node.children) walk(child, key, kind);
  };
  walk(document.querySelector("[data-testid=stMain]"), "page", "text");
  return read;
}
