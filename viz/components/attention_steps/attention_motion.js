// q · k in slow motion: the cells of k rise onto those of q one by one, each pair becomes a
// product, and a bar grows to their sum.

const WHOLE = 6000; // Milliseconds for all pairs, if that leaves each time to be seen.
const [SHORTEST, LONGEST] = [70, 420];

function slowMotion(bench, q, k, shades) {
  const box = element("div", "motion", bench);
  const play = element("button", "", box, "▶ Slow motion");
  const strips = element("div", "strips", box);
  const [above, below] = [q, k].map((vector) => {
    const strip = element("div", "cells", strips);
    return [...vector].map(() => element("span", "", strip));
  });
  const track = element("div", "sum", box);
  const bar = element("span", "", track);
  const zero = element("i", "", track);
  const shown = element("output", "", box);
  const sums = partialSums(q, k);
  const limits = [largest([q]), largest([k]),
    largest([q.map((value, i) => value * k[i])])];
  const scene = { above, below, bar, shown, q, k, sums, limits, shades };
  const [low, high] = [Math.min(0, ...sums), Math.max(0, ...sums)];
  scene.place = (value) => 100 * (value - low) / (high - low || 1);
  zero.style.left = `${scene.place(0)}%`;
  [strips.hidden, track.hidden, shown.hidden] = [true, true, true];
  play.onclick = () => {
    [strips.hidden, track.hidden, shown.hidden] = [false, false, false];
    run(box, play, scene);
  };
}

function partialSums(q, k) {
  let sum = 0;
  return [...q].map((value, i) => (sum += value * k[i]));
}

function run(box, play, scene) {
  const count = scene.q.length;
  play.disabled = true;
  for (let i = 0; i < count; i += 1) part(scene, i);
  let next = 0;
  const finish = () => {
    play.disabled = false;
    play.textContent = "▶ Again";
  };
  // Whoever wants no motion gets what it ends in.
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    while (next < count) meet(scene, next++);
    return finish();
  }
  const pause = clamp(WHOLE / count, SHORTEST, LONGEST);
  const step = () => {
    if (!box.isConnected) return;
    if (next === count) return finish();
    meet(scene, next++);
    setTimeout(step, pause);
  };
  setTimeout(step, pause);
}

// A pair before it meets: each number in the colour of its own sign and size.
function part({ above, below, q, k, limits, shades }, i) {
  above[i].className = below[i].className = "";
  above[i].style.background = cssRgb(shades[signedLevel(q[i] / limits[0])]);
  below[i].style.background = cssRgb(shades[signedLevel(k[i] / limits[1])]);
}

// A pair meets: its product's colour stays where q's number was, and the bar moves on.
function meet({ above, below, bar, shown, q, k, sums, limits, shades, place }, i) {
  const product = q[i] * k[i];
  above.forEach((cell, at) => cell.classList.toggle("now", at === i));
  below[i].classList.add("met");
  below[i].style.background = cssRgb(shades[signedLevel(product / limits[2])]);
  const [from, to] = [place(0), place(sums[i])].sort((a, b) => a - b);
  Object.assign(bar.style, { left: `${from}%`, width: `${to - from}%` });
  bar.classList.toggle("minus", sums[i] < 0);
  const factor = k[i] < 0 ? `(${number(k[i])})` : number(k[i]);
  shown.textContent = `number ${i}: ${number(q[i])} × ${factor} = ${number(product)}, ` +
    `sum ${number(sums[i])}`;
}
