// Shows nothing: what it was given lies ready for the view that asks for it by name.

export default function delivery({ data, parentElement }) {
  const root = parentElement.querySelector(".delivery");
  const takeBack = () => {
    // Not what another of the same name has handed over since.
    if (delivered(root.given) === root.what) globalThis.minigptDelivered?.delete(root.given);
  };
  if (root.given !== data.name) {
    takeBack();
    Object.assign(root, { given: data.name, what: data.what });
    deliver(data.name, data.what);
  }
  return takeBack;
}
