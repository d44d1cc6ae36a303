// A view can be asked to draw itself again, as it is or in other colours: `drawAgain` of
// its outermost element. A picture to be saved is made so (save_figure).

function withRedrawing(draw, name) {
  return (given) => {
    const root = given.parentElement.querySelector(`.${name}`);
    let cleanUp = draw(given);
    if (root) root.drawAgain = () => {
      cleanUp?.();
      cleanUp = draw(given);
    };
    return () => cleanUp?.();
  };
}
