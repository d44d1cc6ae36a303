// Who is given a result, before there is one; then its code.

export default function signed_result({ data, parentElement }) {
  const root = parentElement.querySelector(".signed_result");
  const site = embedder();
  if (!data.code) {
    root.replaceChildren();
    element("p", "caption quiet", root, whoIsTold(site));
    return;
  }
  if (root.dataset.code === data.code) return; // The page ran again, for another reason.
  root.dataset.code = data.code;
  root.replaceChildren();
  const note = element("p", "caption", root);
  note.setAttribute("aria-live", "polite");
  shownCode(root, note).show(data.code, data.result.name);
  if (!site) return;
  // A page that is left and opened again shows its code again, and does not send it again.
  if (window.minigptGiven !== data.code) giveTo(site, data.code, data.result);
  window.minigptGiven = data.code;
  say(note, `${site} was given the code.`);
}
