import type { ThingKind } from './thing.ts';

/** Something that may appear or go, and why that is no leak. */
export interface Allowed {
  readonly kind: ThingKind;
  readonly name: RegExp;
  readonly reason: string;
}

export const ALLOWED: readonly Allowed[] = [
  {
    kind: 'volume',
    name: /^opensandbox-agent-[0-9a-f]{16}$/,
    reason: 'The agent of one version, shared by all sandboxes: a cache, that servers clear when it is old.',
  },
  {
    kind: 'mount',
    name: /^(\/run\/docker\/netns\/default|\/run\/netns) /,
    reason: "The host's own network as an engine holds it, and where ip keeps namespaces: made on first use.",
  },
  {
    kind: 'file',
    name: /^\/run\/(containerd|docker|netns|runc|xtables\.lock)$/,
    reason: 'Made once by an engine, by runc, iptables or ip, on their first use.',
  },
  {
    kind: 'file',
    name: /^\/run\/opensandbox(\/pins)?$/,
    reason: 'Where host directories of sandboxes are held: it stays, and what is in it does not.',
  },
  {
    kind: 'file',
    name: /^\/tmp\/opensandbox-execd-[0-9a-f]{16}$/,
    reason: 'What the agent that is one file brings along, unpacked once for each content: a cache.',
  },
  {
    kind: 'file',
    name: /^\/tmp\/(node-compile-cache|tsx-\d+)$/,
    reason: 'Compiled TypeScript that tsx and Node keep for the next start.',
  },
  {
    kind: 'file',
    name: /^\/(var\/)?tmp\/systemd-private-/,
    reason: 'Made for a service of the machine that happens to start.',
  },
];
