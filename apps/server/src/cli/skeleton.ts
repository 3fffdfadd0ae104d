import type { KeyNode } from '../config/key-tree.ts';

const SECTIONS = [
  'server',
  'renew_intent',
  'runtime',
  'docker',
  'egress',
  'kubernetes',
  'agent_sandbox',
  'ingress',
  'storage',
];

/**
 * A file with every key of the main sections and no values: something to fill in. It cannot be loaded as it
 * is, so that nobody runs a server on placeholders.
 */
export function renderSkeleton(tree: KeyNode): string {
  const parts = SECTIONS.flatMap((name) => {
    const node = tree.properties?.[name];
    return node === undefined ? [] : [renderTable(name, node)];
  });
  return ['# Generated from OpenSandbox config schema. Remove sections you do not use.\n', ...parts].join(
    '\n',
  );
}

function renderTable(path: string, node: KeyNode): string {
  const lines = [`[${path}]`];
  const below: string[] = [];
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    if (child.properties === undefined) lines.push(...renderKey(key, child));
    else if (path === 'renew_intent') lines.push(...renderDotted(key, child));
    else below.push(renderTable(`${path}.${key}`, child));
  }
  return [`${lines.join('\n')}\n`, ...below].join('\n');
}

function renderDotted(parent: string, node: KeyNode): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    renderKey(`${parent}.${key}`, child),
  );
}

function renderKey(key: string, node: KeyNode): string[] {
  const empty = node.type === 'array' ? '[]' : node.type === 'object' ? '{}' : '""';
  return [`# ${node.description ?? ''}`, `${key} = ${empty}`];
}
