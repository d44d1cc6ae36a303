// The light: a frame around the region that is spoken of. Its shadow dims everything else.

const MARGIN = 6; // Pixels between a region and its frame.

// Look at the page once a frame: it moves for many reasons (scrolling, an answer, a font).
function followRegion({ light, card }, state, regionOf) {
  let frame = null;
  let seen = "";
  function follow() {
    frame = requestAnimationFrame(follow);
    if (state.closing) return;
    const key = regionOf();
    const region = document.querySelector(`.st-key-${CSS.escape(key)}`);
    const room = freeRoom(card);
    const box = region?.getBoundingClientRect();
    if (!box?.height) return placeLight(light, null, room);
    const scroller = scrollerOf(region);
    // Where it lies on the page, not on the screen: whoever scrolls away may stay there.
    const place = [key, box.height, box.top + scroller.scrollTop, room.bottom]
      .map((part) => typeof part === "number" ? Math.round(part / 4) : part).join();
    if (place !== seen) bringIntoSight(scroller, box, room);
    seen = place;
    placeLight(light, box, room);
  }
  follow();
  return () => cancelAnimationFrame(frame);
}

// What the card and the app's header leave free, from top to bottom.
function freeRoom(card) {
  const header = document.querySelector("[data-testid=stHeader]");
  const top = window.innerWidth <= 640 ? header?.getBoundingClientRect().bottom ?? 0 : 0;
  return { top: top + 2 * MARGIN, bottom: card.getBoundingClientRect().top - 2 * MARGIN };
}

function scrollerOf(region) {
  for (let at = region.parentElement; at; at = at.parentElement) {
    const { overflowY } = getComputedStyle(at);
    if (["auto", "scroll"].includes(overflowY) && at.matches("[data-testid=stMain]")) return at;
  }
  return document.scrollingElement;
}

function bringIntoSight(scroller, box, room) {
  const spare = room.bottom - room.top - box.height;
  const isInside = box.top >= room.top && box.bottom <= room.bottom;
  if (isInside) return;
  const wanted = room.top + Math.max(0, spare / 2);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  scroller.scrollBy({ top: box.top - wanted, behavior: still ? "instant" : "smooth" });
}

// Never under the card: of a region that is taller than the room, its beginning is lit.
function placeLight(light, box, room) {
  const top = Math.max((box?.top ?? room.top) - MARGIN, 2);
  const bottom = Math.min((box?.bottom ?? 0) + MARGIN, room.bottom);
  light.classList.toggle("nothing", !box || bottom <= top);
  if (!box) return;
  const left = Math.max(box.left - MARGIN, 2);
  const right = Math.min(box.right + MARGIN, window.innerWidth - 2);
  Object.assign(light.style, { left: `${left}px`, top: `${top}px`,
    width: `${right - left}px`, height: `${Math.max(0, bottom - top)}px` });
}
