/** An image reference, taken apart as the engine and the registries need it. */
export interface ImageRef {
  /** Everything but tag and digest, as written. */
  readonly name: string;
  /** The digest when there is one, else the tag, else `latest`. */
  readonly tag: string;
  /** Host of the registry, with its port; `undefined` when none is named: the engine then uses its default. */
  readonly registry: string | undefined;
}

export function parseImageRef(text: string): ImageRef {
  const [tagged = '', digest] = text.split('@', 2);
  const slash = tagged.lastIndexOf('/');
  const colon = tagged.indexOf(':', slash + 1);
  const name = colon === -1 ? tagged : tagged.slice(0, colon);
  const tag = colon === -1 ? 'latest' : tagged.slice(colon + 1);
  const [first = '', ...rest] = name.split('/');
  const namesRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return { name, tag: digest ?? tag, registry: namesRegistry ? first : undefined };
}
