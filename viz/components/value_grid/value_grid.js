// A table of numbers, shaded by their size. Hover or focus tells a cell in words, a click
// or Enter locks it, Esc clears, arrow keys move.

export default function valueGrid({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".value_grid");
  const grid = prepareGrid(root, data);
  const shades = (data.signed ? signedTable(root) : inkTable(root))
    .map((rgb) => [cssRgb(rgb), textOn(rgb)]);
  const focused = placeOf(root.getRootNode().activeElement);
  const state = { locked: data.selected, shown: focused };

  grid.cells.forEach((row, r) => row.forEach((cell, c) => fillCell(cell, data, shades, r, c)));
  paintRange(grid, data, shades);

  function update() {
    const place = state.shown ?? state.locked;
    markHeadings(grid, place);
    describeValue(grid.caption, data, place, sameCell(place, state.locked));
    // With a line less, the cells would slip away from under the pointer.
    grid.caption.style.minHeight = `${grid.caption.getBoundingClientRect().height}px`;
  }
  function enter(place) {
    if (grid.entry) cellOf(grid, grid.entry).tabIndex = -1;
    grid.entry = place;
    cellOf(grid, place).tabIndex = 0;
  }
  function lock(place) {
    if (state.locked) cellOf(grid, state.locked).setAttribute("aria-selected", "false");
    state.locked = place;
    if (place) cellOf(grid, place).setAttribute("aria-selected", "true");
    state.shown = null;
    update();
    setTriggerValue("picked", { value: place });
  }
  const preview = (place) => { state.shown = place; update(); };

  grid.body.onmouseover = (event) => preview(placeOf(event.target));
  grid.body.onmouseleave = () => preview(null);
  grid.onFocus = (event) => {
    const place = placeOf(event.target);
    if (place) { enter(place); preview(place); }
  };
  grid.onBlur = () => preview(null);
  grid.body.onclick = (event) => {
    const place = placeOf(event.target);
    if (place) { enter(place); lock(place); }
  };
  grid.body.onkeydown = (event) => {
    const place = placeOf(event.target);
    const next = place && nextPlace(event, place, data);
    if (next) cellOf(grid, next).focus();
    else if (place && (event.key === "Enter" || event.key === " ")) lock(place);
    else if (event.key === "Escape") lock(null);
    else return;
    event.preventDefault();
    event.stopPropagation(); // The page has keys of its own.
  };
  if (data.rows.length && data.columns.length)
    enter(focused ?? state.locked ?? [0, 0]);
  update();
  return followWidth(root, () => {
    shrinkToFit(root, grid.table, data.shrinks);
    if (!focused && state.locked) showInside(grid, cellOf(grid, state.locked));
  });
}

// Narrower cells first, then cells without their numbers, which the caption still tells. A
// grid that keeps its numbers scrolls in the end, and then has no need of small type.
function shrinkToFit(root, table, shrinks) {
  const isTooWide = () => table.offsetWidth > root.clientWidth;
  table.className = "";
  for (const size of shrinks ? ["dense", "tiny"] : ["dense"])
    if (isTooWide()) table.classList.add(size);
  if (!shrinks && isTooWide()) table.className = "";
}

// Build the table when its size changes; the function above runs again on every change of
// data or theme, and a table that stays keeps its scroll and the keyboard's place.
function prepareGrid(root, data) {
  const size = `${data.rows.length} ${data.columns.length}`;
  if (root.grid?.size !== size) {
    root.replaceChildren();
    root.grid = { size, ...buildTable(root, data) };
    root.grid.body.addEventListener("focusin", (event) => root.grid.onFocus(event));
    root.grid.body.addEventListener("focusout", () => root.grid.onBlur());
  }
  const { grid } = root;
  const [down, across] = data.titles;
  grid.corner.textContent = [down && `${down} ↓`, across && `${across} →`]
    .filter(Boolean).join("  ");
  [["tops", data.columns], ["sides", data.rows]].forEach(([part, names]) =>
    grid[part].forEach((heading, i) => {
      heading.textContent = heading.title = names[i];
    }));
  grid.table.setAttribute("aria-label",
    `${down || "Rows"} by ${across || "columns"}: ${data.unit}. ` +
    "Arrow keys move, Enter locks, Escape clears.");
  return grid;
}

function buildTable(root, data) {
  const caption = element("p", "caption", root);
  caption.setAttribute("aria-live", "polite");
  const stage = element("div", "stage", root);
  const table = element("table", "", stage);
  table.setAttribute("role", "grid");
  const top = element("tr", "", element("thead", "", table));
  const corner = element("th", "corner", top);
  const heading = (parent, scope) => {
    const made = element("th", "", parent);
    made.scope = scope;
    return made;
  };
  const tops = data.columns.map(() => heading(top, "col"));
  const body = element("tbody", "", table);
  const sides = [];
  const cells = data.rows.map((_, r) => {
    const line = element("tr", "", body);
    sides.push(heading(line, "row"));
    return data.columns.map((__, c) => {
      const cell = element("td", "", line);
      cell.setAttribute("role", "gridcell");
      cell.tabIndex = -1;
      cell.place = [r, c];
      return cell;
    });
  });
  const legend = element("div", "legend quiet", root);
  return { caption, stage, table, corner, tops, sides, cells, body, legend };
}

function fillCell(cell, data, shades, r, c) {
  const level = data.levels[r][c];
  cell.className = level === null ? "masked" : "";
  cell.textContent = level === null ? "" : data.texts[r][c];
  cell.style.background = level === null ? "" : shades[level][0];
  cell.style.color = level === null ? "" : shades[level][1];
  cell.setAttribute("aria-selected", String(sameCell(data.selected, [r, c])));
}

// The range is painted with the cells' own shades, so it stays true.
function paintRange({ legend }, data, shades) {
  legend.replaceChildren();
  const ends = data.signed ? [`−${data.limit}`, `+${data.limit}`] : ["0", data.limit];
  element("span", "", legend, ends[0]);
  const ramp = element("span", "ramp", legend);
  ramp.style.background =
    `linear-gradient(90deg, ${shades.slice(0, 255).map(([colour]) => colour).join(",")})`;
  element("span", "", legend, ends[1]);
  element("span", "", legend, data.unit);
  if (data.levels.some((row) => row.includes(null))) {
    element("span", "swatch masked", legend);
    element("span", "", legend, "nothing here");
  }
}

function describeValue(caption, data, place, isLocked) {
  if (!place) return say(caption, "Point at a cell, or click it to keep it.");
  const [r, c] = place;
  const ending = isLocked ? " · locked, Esc clears" : "";
  if (data.sentences) return say(caption, data.sentences[r][c], ending);
  const names = [{ strong: data.rows[r] }, ", ", { strong: data.columns[c] }];
  if (data.levels[r][c] === null) return say(caption, ...names, ": nothing here", ending);
  const text = data.printsNumbers ? [] : [{ strong: data.texts[r][c] }, " · "];
  say(caption, ...names, ": ", ...text, `${data.unit} ${data.numbers[r][c]}`, ending);
}

function markHeadings({ tops, sides }, place) {
  sides.forEach((heading, r) => heading.classList.toggle("near", r === place?.[0]));
  tops.forEach((heading, c) => heading.classList.toggle("near", c === place?.[1]));
}

function nextPlace(event, [r, c], data) {
  const last = [data.rows.length - 1, data.columns.length - 1];
  if (event.key === "Home") return [r, 0];
  if (event.key === "End") return [r, last[1]];
  const step = arrowStep(event);
  return step && [clamp(r + step[0], 0, last[0]), clamp(c + step[1], 0, last[1])];
}

// Scroll the table, never the page, until a cell stands clear of the headings.
function showInside({ stage, corner }, cell) {
  const [x, y] = [cell.offsetLeft, cell.offsetTop];
  const [left, top] = [corner.offsetWidth, corner.offsetHeight];
  if (x - left < stage.scrollLeft) stage.scrollLeft = x - left;
  if (y - top < stage.scrollTop) stage.scrollTop = y - top;
  stage.scrollLeft = Math.max(stage.scrollLeft, x + cell.offsetWidth - stage.clientWidth);
  stage.scrollTop = Math.max(stage.scrollTop, y + cell.offsetHeight - stage.clientHeight);
}

function cellOf({ cells }, [r, c]) {
  return cells[r][c];
}

function placeOf(target) {
  return target?.closest?.("td")?.place ?? null;
}

function sameCell(one, other) {
  return Boolean(one && other) && one[0] === other[0] && one[1] === other[1];
}
