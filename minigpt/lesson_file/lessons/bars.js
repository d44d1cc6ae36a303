// The likeliest next tokens as bars, before and after a change.

import { displayPiece, probabilityText } from "./texts.js";

// `before` may be null: then only the bars of `after` are drawn.
export function drawBars(place, tokens, { tokenizer, before, after }) {
  const most = Math.max(...tokens.flatMap((token) => [before?.[token] ?? 0, after[token]]));
  const width = (p) => `${Math.max((100 * p) / most, p > 0 ? 0.6 : 0)}%`;
  const rows = tokens.map((token) => {
    const row = element("div", "next");
    row.setAttribute("role", "listitem");
    element("span", "piece", row, displayPiece(tokenizer.piece(token)));
    const track = element("span", "track", row);
    element("span", "fill", track).style.width = width(after[token]);
    if (before) element("span", "ghost", track).style.width = width(before[token]);
    element("span", "number", row, before
      ? `${probabilityText(before[token])} → ${probabilityText(after[token])}`
      : probabilityText(after[token]));
    return row;
  });
  place.setAttribute("role", "list");
  place.setAttribute("aria-label", "Probability of the next token");
  place.classList.add("bars");
  place.replaceChildren(...rows);
}
