// A list to choose a number from, 0 to one less than `count`.

export function chooseNumber(place, name, count, tell) {
  const label = element("label", "", place, `${name} `);
  const select = element("select", "", label);
  for (let value = 0; value < count; value++) element("option", "", select, value).value = value;
  select.onchange = () => tell(Number(select.value));
  return select;
}
