// A guess before the reveal: the first answer counts, and what it is about stays covered
// until then.

// Asks `question`: its `ask` (parts for `say`), `options`, the place of the `right` one, and
// `told`, the sentence that follows. `reveal` is called once.
export function predict(place, { ask, options, right, told }, reveal) {
  const box = element("section", "prediction", place);
  box.setAttribute("aria-label", "Predict");
  say(element("p", "ask", box), { strong: "Predict. " }, ...ask);
  const row = element("div", "options", box);
  const verdict = element("p", "verdict", box);
  verdict.setAttribute("aria-live", "polite");
  const buttons = options.map((option) => button(row, option));
  const skip = button(row, "Just show me", "quiet");

  function answer(choice) {
    for (const each of [...buttons, skip]) each.disabled = true;
    skip.hidden = true;
    buttons[right].classList.add("right");
    if (choice !== null && choice !== right) buttons[choice].classList.add("wrong");
    const words = choice === null ? "" : choice === right ? "✓ Right. " : "✗ Not this one. ";
    say(verdict, words, ...told);
    tellAnswer(box, choice === right, choice === null ? "" : buttons[choice].textContent);
    reveal();
  }
  buttons.forEach((each, choice) => { each.onclick = () => answer(choice); });
  skip.onclick = () => answer(null);
  return box;
}

// Tells the page, once, what became of a lesson's question: null where none could be asked.
// `given`: the option that was chosen.
export function tellAnswer(place, isRight, given = "") {
  const detail = { isRight, given };
  place.dispatchEvent(new CustomEvent("answered", { bubbles: true, detail }));
}

export function button(place, text, className = "") {
  const made = element("button", className, place, text);
  made.type = "button";
  return made;
}

// The right option among others, in an order that does not give it away.
export function shuffled(right, others, seed) {
  const options = [...new Set([right, ...others])].sort((a, b) =>
    rank(a, seed) - rank(b, seed));
  return { options, right: options.indexOf(right) };
}

function rank(text, seed) {
  let hash = seed + 17;
  for (const character of String(text)) hash = (hash * 31 + character.codePointAt(0)) % 65521;
  return hash;
}
