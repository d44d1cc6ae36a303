// Numbers and tokens in words, as the app writes them.

const VISIBLE = { " ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍" };

// What is invisible in a token's text gets a symbol; the joiner keeps emoji in one piece.
export function displayPiece(piece) {
  const drawn = Array.from(piece, (character) => VISIBLE[character]
    ?? (character !== "\u200d" && /[\p{Cc}\p{Cf}\p{Cs}]/u.test(character)
      ? `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}` : character));
  return drawn.join("") || "∅";
}

export function probabilityText(probability) {
  if (probability <= 0) return "0";
  return probability >= 0.001 ? probability.toFixed(3) : "<0.001";
}

export function headName([layer, head]) {
  return `L${layer}H${head}`;
}

export function counted(count, name) {
  return `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
}

// The end of a text, from a new word on.
export function lastWords(text, count = 8) {
  const words = text.trim().split(/(?<=\s)(?=\S)/);
  return (words.length > count ? "… " : "") + words.slice(-count).join("");
}
