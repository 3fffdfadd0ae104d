const BEGIN = '<!-- layers: generated from layers.json by `npm run docs` -->';
const END = '<!-- /layers -->';

interface Layers {
  readonly units: Readonly<
    Record<
      string,
      { readonly imports: readonly string[]; readonly onlyPorts?: readonly string[]; readonly node?: boolean }
    >
  >;
}

/** `document` with the part between the markers replaced by the table of who may import whom. */
export function withLayerTable(document: string, layersJson: string): string {
  const from = document.indexOf(BEGIN);
  const to = document.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the document has no part between ${BEGIN} and ${END}`);
  const { units } = JSON.parse(layersJson) as Layers;
  const rows = Object.entries(units).map(([name, unit]) => {
    const imports = unit.imports.map((target) =>
      unit.onlyPorts?.includes(target) === true ? `${target} (ports)` : target,
    );
    return `| \`${name}\` | ${imports.join(', ') || '–'} | ${unit.node === true ? 'yes' : 'no'} |`;
  });
  const table = ['| unit | may import | `node:*` |', '| --- | --- | --- |', ...rows].join('\n');
  return `${document.slice(0, from)}${BEGIN}\n\n${table}\n\n${document.slice(to)}`;
}
