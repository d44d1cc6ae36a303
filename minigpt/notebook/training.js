// A run's losses, and its heads as they form. While it goes on, Python is asked for news.

import { mount } from "../lesson_file/lessons/mounting.js";
import { headName } from "../lesson_file/lessons/texts.js";
import { choose, redrawOn, whenSeen } from "./place.js";

const PAUSE_MS = 2000;

export function render({ model, el }) {
  return whenSeen(el, (root) => {
    const status = element("p", "note", root);
    status.setAttribute("role", "status");
    const curve = element("img", "curve", root);
    const film = element("div", "", root);
    element("h3", "", film, "Heads forming");
    const label = element("label", "film", film, "Step of the snapshot ");
    const slider = element("input", "", label);
    slider.type = "range";
    slider.min = 0;
    const shown = element("output", "", label);
    const grid = mount(element("div", "", film), "head_grid",
      { picked: (place) => choose(model, "head", place) });
    const caption = element("p", "note", film);

    // The last place of the slider is the newest snapshot, whichever that is.
    slider.oninput = () => choose(model, "step", model.get("steps")[slider.value] ?? null);

    function drawLosses() {
      status.textContent = model.get("now").words;
      const svg = model.get("curve");
      curve.hidden = !svg;
      if (!svg) return;
      curve.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      curve.alt = `Loss in nats per token, over the steps. ${model.get("now").words}`;
    }
    function drawFilm() {
      const [steps, step, drawn] = ["steps", "step", "grid"].map((name) => model.get(name));
      film.hidden = !drawn.weights;
      if (film.hidden) return;
      slider.max = steps.length;
      slider.value = step === null ? steps.length : steps.indexOf(step);
      const now = drawn.step.toLocaleString("en");
      shown.textContent = step === null ? `latest: ${now}` : now;
      slider.setAttribute("aria-valuetext", shown.textContent);
      const head = model.get("head");
      grid({ ...drawn, selected: head });
      caption.textContent = `Step ${now}. Bar: mean attention weight on the previous token.`
        + (head ? ` Chosen: ${headName(head)}.` : "");
    }
    // One question at a time: the next is asked when the answer to the last has come.
    let timer = null;
    function follow() {
      clearTimeout(timer);
      if (model.get("now").alive)
        timer = setTimeout(() => model.send({ ask: "news" }), PAUSE_MS);
    }
    const stops = [
      redrawOn(model, ["now", "curve"], drawLosses),
      redrawOn(model, ["steps", "step", "grid", "head"], drawFilm),
      redrawOn(model, ["looks"], follow),
      grid.stop,
    ];
    follow();
    return {
      draw() { drawLosses(); drawFilm(); },
      stop() { clearTimeout(timer); stops.forEach((stop) => stop()); },
    };
  });
}
