// Shows nothing: what it was given lies ready for the view that asks for it by name.

export default function delivery({ data, parentElement }) {
  const root = parentElement.querySelector(".delivery");
  if (root.given !== data.name) globalThis.minigptDelivered?.delete(root.given);
  root.given = data.name;
  if (!delivered(data.name)) deliver(data.name, data.what);
  return () => globalThis.minigptDelivered?.delete(data.name);
}
